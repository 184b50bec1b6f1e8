"""What whoever calls a model meets: slots, waiting, refusals, and stores that go away."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
from pytest_django import Settings

from apps.accounts.models import Person
from apps.audit.log import Actor
from apps.core import clock
from apps.llm import limits, policy
from apps.llm.gates import choice, keeper
from apps.llm.limit_errors import Limited
from apps.llm.limits import Slot, Wait
from apps.llm.models import LanguageModel
from tests.llm.knocking import wait_for
from tests.services import redis

ACTOR = Actor.system("test")


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    """As in a process that just began: Redis is tried, and nothing is held."""
    for forget in (choice.forget, keeper._forget, policy.forget):
        forget()
    yield
    for forget in (choice.forget, keeper._forget, policy.forget):
        forget()


@pytest.fixture
def row(redis_url: str, transactional_db: None) -> LanguageModel:
    """A model without limits; tests set them on the instance."""
    return LanguageModel.objects.create(name="m", base_url="http://127.0.0.1:9", model="m")


def test_a_slot_is_taken_and_given_back_once(row: LanguageModel) -> None:
    row.in_flight = 1
    with limits.admit(row, 60) as slot:
        assert limits.look(row).in_flight == 1
        with pytest.raises(Limited):
            limits.admit(row, 60, patience_s=0.1)
    assert limits.look(row).in_flight == 0
    other = limits.admit(row, 60)
    slot.release("ok")  # a second time: the other one's slot stays
    assert limits.look(row).in_flight == 1
    other.release("ok")
    assert limits.look(row).calls == 1


def test_who_waits_is_told_how_long_and_gets_its_turn(row: LanguageModel) -> None:
    row.qps = 5
    assert isinstance(limits.try_admit(row, 60), Slot)
    wait = limits.try_admit(row, 60)
    assert isinstance(wait, Wait)
    assert 0 < wait.seconds <= 0.2
    assert wait.what.en == "The model m takes 5 calls a second"
    began = time.monotonic()
    limits.leave(row, wait)
    limits.admit(row, 60).release()
    assert 0.1 < time.monotonic() - began < 1


def test_a_wait_that_would_be_too_long_is_a_refusal_that_says_until_when(
    row: LanguageModel,
) -> None:
    row.qps = 0.1
    limits.admit(row, 60)
    asked = clock.utcnow()
    with pytest.raises(Limited) as found:
        limits.try_admit(row, 60)
    error = found.value
    assert error.text("en").startswith("The model m takes 0.1 calls a second. It can go on at ")
    assert error.text("zh").startswith("模型 m 每秒最多 0.1 次调用。")
    assert 9 < (error.until - asked).total_seconds() < 11
    assert (error.http_status, error.passes) == (429, True)
    assert limits.look(row).waiting == 0


def test_patience_ends_and_leaves_the_line(row: LanguageModel) -> None:
    row.in_flight = 1
    with limits.admit(row, 60):
        began = time.monotonic()
        with pytest.raises(Limited, match="so many are under way"):
            limits.admit(row, 60, patience_s=0.3)
        assert 0.3 <= time.monotonic() - began < 1
        assert limits.look(row).waiting == 0


def test_waiting_threads_all_get_their_turn(row: LanguageModel) -> None:
    row.in_flight = 2
    done: list[int] = []

    def call(number: int) -> None:
        with limits.admit(row, 60, patience_s=20):
            time.sleep(0.02)
            done.append(number)

    threads = [threading.Thread(target=call, args=(n,)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(done) == list(range(20))
    assert limits.look(row).in_flight == 0


def test_a_broken_model_has_a_pause_and_is_told_of_once(row: LanguageModel) -> None:
    told: list[tuple[str, str]] = []
    kept, limits.on_pause[:] = list(limits.on_pause), [lambda *what: told.append(what)]
    limits.admit(row, 60).release("balance")
    limits.report(row, "balance")
    limits.on_pause[:] = kept
    assert told == [(str(row.uid), "balance")]
    with pytest.raises(Limited) as found:
        limits.admit(row, 60)
    assert found.value.text("en").startswith("The model m failed too often and has a pause.")
    limits.reset(row)
    limits.admit(row, 60).release("ok")


def test_a_slot_is_renewed_while_it_is_held(
    row: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "LEASE_S", 0.4)
    monkeypatch.setattr(keeper, "BEAT_S", 0.1)
    slot = limits.admit(row, 60)
    time.sleep(0.8)
    assert limits.look(row).in_flight == 1
    assert not slot.lost
    keeper.drop(slot.ticket)  # as if its process were gone
    wait_for(lambda: limits.look(row).in_flight == 0)


def test_a_process_that_stood_still_finds_its_slot_lost(
    row: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "LEASE_S", 0.2)
    row.in_flight = 1
    slot = limits.admit(row, 60)
    time.sleep(0.3)
    other = limits.admit(row, 60)
    choice.ask(keeper.renew_all)
    assert slot.lost
    assert not other.lost
    slot.release("ok")
    assert limits.look(row).in_flight == 1


def test_a_slot_that_nobody_gives_back_is_not_kept_for_ever(
    row: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "LEASE_S", 0.4)
    monkeypatch.setattr(keeper, "BEAT_S", 0.1)
    monkeypatch.setattr(keeper, "_FORGOTTEN_S", 0.0)
    limits.admit(row, 0.5)
    wait_for(lambda: limits.look(row).in_flight == 0)


def test_without_redis_the_database_goes_on_with_the_slots_that_are_held(
    row: LanguageModel, own_redis: redis.Redis
) -> None:
    row.in_flight = 2
    first = limits.admit(row, 60)
    assert choice.current() == "redis"
    own_redis.stop()
    second = limits.admit(row, 60)
    assert choice.current() == "database"
    with pytest.raises(Limited):  # the one from Redis was taken along
        limits.admit(row, 60, patience_s=0)
    own_redis.start()
    choice.forget()
    with pytest.raises(Limited):  # and both go back there, though Redis forgot everything
        limits.admit(row, 60, patience_s=0)
    assert choice.current() == "redis"
    first.release("ok")
    second.release("ok")
    assert limits.look(row).in_flight == 0


@pytest.mark.parametrize("decided", ["refuse", "allow"])
def test_without_any_store_it_is_as_the_policy_says(
    row: LanguageModel, no_redis: None, monkeypatch: pytest.MonkeyPatch, decided: str
) -> None:
    policy.set_limits_when_down(decided, ACTOR)
    assert policy.limits_when_down() == decided
    row.in_flight = 1
    # The database is taken away from under the gates; what was decided is remembered.
    monkeypatch.setattr("apps.llm.limit_models.GateRow._meta.db_table", "gone")
    if decided == "allow":
        limits.admit(row, 60).release("ok")
        return
    with pytest.raises(Limited, match="their store is down"):
        limits.admit(row, 60)


def test_the_policy_is_chosen_in_the_console(alice: Person, settings: Settings) -> None:
    from django.test import Client

    page = Client()
    page.force_login(alice)
    url = "/admin/llm/modelpolicy/"
    assert page.post(f"{url}add/", {"limits_when_down": "allow"}).status_code == 302
    assert policy.limits_when_down() == "allow"
    assert page.get(f"{url}add/").status_code == 403  # there is one
