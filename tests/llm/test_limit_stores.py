"""What every store of the gates promises, on Redis and on the database."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from apps.llm.gates.redis_store import RedisStore
from apps.llm.gates.shapes import Entry, Rules, Store, StoreDown
from apps.llm.gates.sql_store import SqlStore
from tests.llm.knocking import wait_for

KEY = "model"


@pytest.fixture(params=["redis", "database"])
def store(request: pytest.FixtureRequest, redis_url: str, transactional_db: None) -> Store:
    """Each of the two."""
    return RedisStore() if request.param == "redis" else SqlStore()


def test_a_burst_then_the_rate(store: Store) -> None:
    rules = Rules(qps=8)
    began = time.monotonic()
    first = [store.enter(KEY, rules, f"a{n}", 5, 0) for n in range(3)]
    assert [one.reason for one in first[:2]] == [None, None]
    if time.monotonic() - began < 0.1:
        assert first[2].reason == "qps"
        assert 0 < first[2].seconds <= 1 / 8
    time.sleep(first[2].seconds)
    assert store.enter(KEY, rules, "b", 5, 0).reason is None


def test_a_fraction_of_a_call_in_a_second(store: Store) -> None:
    rules = Rules(qps=0.25)
    assert store.enter(KEY, rules, "a", 5, 0) == Entry()
    refused = store.enter(KEY, rules, "b", 5, 2)
    assert (refused.reason, refused.waits) == ("qps", False)
    assert 3.5 < refused.seconds <= 4


def test_places_are_given_back_and_lapse(store: Store) -> None:
    rules = Rules(in_flight=2)
    assert store.enter(KEY, rules, "a", 60, 0).reason is None
    assert store.enter(KEY, rules, "b", 0.3, 0).reason is None
    assert store.enter(KEY, rules, "c", 60, 0).reason == "in_flight"
    store.leave(KEY, "a", "ok")
    assert store.enter(KEY, rules, "c", 60, 0).reason is None
    wait_for(lambda: store.enter(KEY, rules, "d", 60, 0).reason is None)
    store.leave(KEY, "b", "ok")  # long gone: nobody's place is given back by that
    assert store.look(KEY).in_flight == 2


def test_nobody_who_waits_is_overtaken(store: Store) -> None:
    rules = Rules(in_flight=1)
    store.enter(KEY, rules, "holder", 60, 5)
    assert store.enter(KEY, rules, "zz-first", 60, 5).waits
    assert store.enter(KEY, rules, "a-second", 60, 5).waits
    assert store.look(KEY).waiting == 2
    store.leave(KEY, "holder", "ok")
    assert store.enter(KEY, rules, "a-second", 60, 5).waits
    assert store.enter(KEY, rules, "new", 60, 5).waits
    assert store.enter(KEY, rules, "zz-first", 60, 5).reason is None
    store.leave(KEY, "zz-first", "ok")
    assert store.enter(KEY, rules, "a-second", 60, 5).reason is None


def test_who_leaves_the_line_makes_room(store: Store) -> None:
    rules = Rules(in_flight=1)
    store.enter(KEY, rules, "holder", 60, 5)
    store.enter(KEY, rules, "first", 60, 5)
    store.enter(KEY, rules, "second", 60, 5)
    store.leave(KEY, "first")
    store.leave(KEY, "holder", "ok")
    assert store.enter(KEY, rules, "second", 60, 5).reason is None


def test_a_lease_is_renewed_lost_and_taken_up_again(store: Store) -> None:
    rules = Rules(in_flight=1)
    store.enter(KEY, rules, "mine", 0.3, 0)
    assert not store.renew(KEY, {"mine": False}, 60)
    time.sleep(0.4)
    assert store.enter(KEY, rules, "other", 60, 0).reason == "in_flight"
    assert list(store.renew(KEY, {"mine": False, "never": False}, 60)) == ["never"]
    assert not store.renew(KEY, {"kept": True}, 60)
    assert store.look(KEY).in_flight == 2


def test_the_breaker_opens_is_seen_and_reset(store: Store) -> None:
    for number in range(10):
        assert store.enter(KEY, Rules(), f"t{number}", 60, 0).reason is None
        assert store.leave(KEY, f"t{number}", "timeout") == (number == 9)
    found = store.look(KEY)
    assert (found.breaker, found.reason) == ("open", "timeout")
    assert 29 < found.opens_in <= 30
    refused = store.enter(KEY, Rules(), "x", 60, 60)
    assert (refused.reason, refused.waits) == ("breaker", False)
    store.reset(KEY)
    assert store.look(KEY).breaker == "closed"
    assert store.enter(KEY, Rules(), "x", 60, 60).reason is None


def test_it_counts_calls_and_failures(store: Store) -> None:
    for outcome in ("ok", "ok", "rate", "cancelled", "content_in"):
        store.leave(KEY, "", outcome)
    found = store.look(KEY)
    assert (found.calls, found.failed, found.breaker) == (4, 1, "closed")


def test_one_probe_at_a_time(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.llm.gates.breaker.BROKEN_PAUSE_S", 0.2)
    assert store.leave(KEY, "", "auth")
    assert store.enter(KEY, Rules(), "early", 60, 0).reason == "breaker"
    wait_for(lambda: store.look(KEY).breaker == "half_open")
    assert store.enter(KEY, Rules(), "probe", 60, 0).reason is None
    assert store.enter(KEY, Rules(), "other", 60, 0).reason == "breaker"
    assert store.leave(KEY, "late", "ok") is False
    assert store.look(KEY).breaker == "half_open"
    assert not store.leave(KEY, "probe", "auth")  # opened again: nobody is told twice
    assert store.look(KEY).opens_in > 0.2  # twice as long as the first time
    wait_for(lambda: store.look(KEY).breaker == "half_open")
    assert store.enter(KEY, Rules(), "again", 60, 0).reason is None
    assert not store.leave(KEY, "again", "ok")
    assert store.look(KEY).breaker == "closed"


def test_gates_of_models_are_apart(store: Store) -> None:
    rules = Rules(in_flight=1)
    assert store.enter("one", rules, "a", 60, 0).reason is None
    assert store.enter("two", rules, "a", 60, 0).reason is None
    assert store.look("one").in_flight == 1


def test_threads_at_once_are_never_granted_more(store: Store) -> None:
    rules = Rules(qps=40, in_flight=6)

    def knock(number: int) -> bool:
        try:
            return store.enter(KEY, rules, f"t{number}", 60, 0).reason is None
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        granted = sum(pool.map(knock, range(40)))
    assert granted == 6
    assert store.look(KEY).in_flight == 6


def test_redis_that_is_away_is_a_store_that_is_down(no_redis: None) -> None:
    with pytest.raises(StoreDown):
        RedisStore().enter(KEY, Rules(), "a", 5, 0)
