"""Limits: exactly as many as the rate says, together or not at all, and open without Redis."""

from __future__ import annotations

import threading
import uuid

import pytest
import redis
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from apps.core import limits, metrics, tally
from apps.core import redis as core_redis
from apps.core.limits import LocalLimit, Rate, check_groups, check_many
from tests.services.redis import Redis

NOW = 1_790_000_000.0
FIVE = Rate(5, 60)


@pytest.fixture(autouse=True)
def redis_is_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "_away_until", 0.0)


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("60/m", Rate(60, 60)),
        ("1/s", Rate(1, 1)),
        ("1000/h", Rate(1000, 3600)),
        ("off", Rate(None)),
    ],
)
def test_rates_are_read(text: str, rate: Rate) -> None:
    assert Rate.parse(text) == rate


@pytest.mark.parametrize(
    "text", ["", "60", "/m", "0/m", "-1/m", "1.5/m", "60/d", "60/", "OFF", "٣/m", "60/m/m", " 6/m"]
)
def test_other_texts_are_no_rates(text: str) -> None:
    with pytest.raises(ValueError, match="is no rate"):
        Rate.parse(text)


@pytest.mark.usefixtures("redis_url")
def test_as_many_as_the_rate_says_then_none_then_again() -> None:
    assert check_many([("alice", FIVE)] * 8, NOW) == [True] * 5 + [False] * 3
    assert check_many([("alice", FIVE)], NOW + 59.9) == [False]
    assert check_many([("alice", FIVE)] * 6, NOW + 60) == [True] * 5 + [False]


@pytest.mark.usefixtures("redis_url")
def test_people_do_not_share_and_off_is_off() -> None:
    keys = [("alice", Rate(1)), ("bob", Rate(1)), ("alice", Rate(1)), ("carol", Rate(None))]
    assert check_many(keys * 2, NOW) == [True, True, False, True, False, False, False, True]
    assert check_many([], NOW) == []


@pytest.mark.usefixtures("redis_url")
def test_a_group_counts_everywhere_or_nowhere() -> None:
    person, chat = ("person:alice", Rate(2)), ("chat:1", Rate(3))
    other = ("person:bob", Rate(9))
    assert check_groups([[person, chat]] * 3, NOW) == [True, True, False]
    # Alice's refused third attempt has not used up the chat's room.
    assert check_groups([[other, chat], [other, chat]], NOW) == [True, False]
    assert check_many([other] * 9, NOW) == [True] * 8 + [False]
    assert check_groups([[], [("x", Rate(None))]], NOW) == [True, True]


@pytest.mark.usefixtures("redis_url")
def test_a_lowered_rate_counts_at_once() -> None:
    assert check_many([("alice", Rate(10))] * 6, NOW) == [True] * 6
    assert check_many([("alice", Rate(5))], NOW) == [False]


@pytest.mark.usefixtures("redis_url")
def test_a_clock_that_went_back_does_not_lock_out() -> None:
    assert check_many([("alice", Rate(1))], NOW) == [True]
    assert check_many([("alice", Rate(1))], NOW - 3600) == [True]


@pytest.mark.usefixtures("redis_url")
def test_windows_do_not_stay_for_ever() -> None:
    check_many([("alice", Rate(1, 1)), ("bob", Rate(1, 60))], NOW)
    client = core_redis.client()
    assert 0 < client.ttl("clawdbot:limit:alice") <= 2
    assert 60 < client.ttl("clawdbot:limit:bob") <= 120


def test_processes_share_one_window(redis_url: str) -> None:
    allowed: list[bool] = []

    def hammer() -> None:
        client = redis.Redis.from_url(redis_url)
        for _ in range(20):
            allowed.extend(check_many([("alice", Rate(50))], NOW, client))
        client.close()

    threads = [threading.Thread(target=hammer) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(allowed) == 50


@pytest.mark.usefixtures("redis_url")
@hypothesis_settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    attempts=st.lists(
        st.tuples(st.sampled_from("abc"), st.floats(0, 30, allow_nan=False)), max_size=60
    ),
    count=st.integers(1, 5),
    period=st.integers(1, 60),
)
def test_no_window_ever_holds_more(
    attempts: list[tuple[str, float]], count: int, period: int
) -> None:
    rate, now, example = Rate(count, period), NOW, uuid.uuid4().hex
    windows: dict[str, tuple[float, int]] = {}
    for key, pause in attempts:
        now += pause
        start, used = windows.get(key, (now, 0))
        if now - start >= period:
            start, used = now, 0
        expected = used < count
        assert check_many([(example + key, rate)], now) == [expected]
        if expected:
            windows[key] = (round(start, 6), used + 1)


def test_without_redis_all_is_allowed_and_counted(
    own_redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[int] = []
    monkeypatch.setattr(metrics, "count", lambda name, amount: counted.append(amount))
    assert check_many([("alice", Rate(1))], NOW) == [True]
    own_redis.stop()
    assert check_many([("alice", Rate(1))] * 3 + [("b", Rate(None))], NOW) == [True] * 4
    assert counted == [3]
    own_redis.start()
    # For five seconds nobody asks; then the limit is back.
    assert check_many([("alice", Rate(1))] * 2, NOW) == [True, True]
    monkeypatch.setattr(limits, "_away_until", 0.0)
    assert check_many([("alice", Rate(1))] * 2, NOW) == [True, False]


@pytest.mark.usefixtures("no_redis")
def test_the_bypass_is_a_real_metric(monkeypatch: pytest.MonkeyPatch) -> None:
    added: list[object] = []
    monkeypatch.setattr(tally, "add", added.append)
    check_many([("alice", Rate(1))], NOW)
    assert added == [{"clawdbot_limits_bypassed_total": 1}]


def test_a_local_limit_blocks_an_address_for_its_window() -> None:
    limit = LocalLimit(Rate(3, 60))
    for number in range(3):
        assert not limit.blocked("203.0.113.9", NOW + number)
        limit.hit("203.0.113.9", NOW + number)
    assert limit.blocked("203.0.113.9", NOW + 59)
    assert not limit.blocked("203.0.113.10", NOW + 59)
    assert not limit.blocked("203.0.113.9", NOW + 60)


def test_a_local_limit_that_is_off() -> None:
    limit = LocalLimit(Rate(None))
    for _ in range(1000):
        limit.hit("203.0.113.9", NOW)
    assert not limit.blocked("203.0.113.9", NOW)
    assert len(limit) == 0


def test_a_local_limit_has_bounded_memory_and_keeps_the_busy() -> None:
    limit = LocalLimit(Rate(150, 60), max_keys=100)
    for number in range(10_000):
        limit.hit(f"10.0.{number // 250}.{number % 250}", NOW)
        if number % 50 == 0:
            limit.hit("203.0.113.9", NOW)
    assert len(limit) == 100
    assert limit.blocked("203.0.113.9", NOW)


@pytest.mark.parametrize(
    ("one", "two", "same"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("::ffff:203.0.113.9", "203.0.113.9", True),
        ("fe80::1%eth0", "fe80::2%eth1", True),
        ("not:an:address", "not:an:address", True),
        ("", "203.0.113.9", False),
    ],
)
def test_one_ipv6_network_is_one_address(one: str, two: str, same: bool) -> None:
    limit = LocalLimit(Rate(1, 60))
    limit.hit(one, NOW)
    assert limit.blocked(two, NOW) is same


def test_a_local_limit_is_thread_safe() -> None:
    limit = LocalLimit(Rate(1000, 60), max_keys=10)

    def hammer() -> None:
        for number in range(250):
            limit.hit("203.0.113.9", NOW)
            limit.hit(f"10.0.0.{number % 5}", NOW)

    threads = [threading.Thread(target=hammer) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert limit.blocked("203.0.113.9", NOW)
    limit_of_one_more = LocalLimit(Rate(1001, 60))
    limit_of_one_more._windows = limit._windows
    assert not limit_of_one_more.blocked("203.0.113.9", NOW)
