"""Due times become messages: once each, by the policy, in the order of the clock."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.db import DataError, OperationalError

from apps.accounts.models import Person
from apps.assistant.models import Message
from apps.audit.log import Actor
from apps.schedules import actions, firing, planner
from apps.schedules.models import Firing, Schedule
from apps.schedules.planner import Planner
from tests.schedules.conftest import NOON, Clock

pytestmark = pytest.mark.django_db
Add = Callable[..., Schedule]


def states() -> list[tuple[datetime, str]]:
    """Every firing, oldest first."""
    return list(Firing.objects.order_by("due").values_list("due", "state"))


def test_nothing_happens_before_the_time_and_one_message_at_it(add: Add, clock: Clock) -> None:
    schedule = add("0 * * * *", "/ping")
    one = Planner(clock)
    clock.move(minutes=59, seconds=59)
    assert one.fire_due() == 0
    clock.move(seconds=2)
    assert one.fire_due() == 1
    assert one.fire_due() == 0
    message = Message.objects.get()
    assert (message.text, message.origin, message.person) == ("/ping", "schedule", schedule.owner)
    assert states() == [(NOON + timedelta(hours=1), "fired")]
    assert Firing.objects.get().message == message
    schedule.refresh_from_db()
    assert schedule.next_due == NOON + timedelta(hours=2)
    assert one.next_due() == schedule.next_due


def test_what_was_missed_follows_the_policy_and_is_written_down(add: Add, clock: Clock) -> None:
    add("*/20 * * * *", "/echo skip", missed="skip")
    add("*/20 * * * *", "/echo once", missed="once")
    add("*/20 * * * *", "/echo all", missed="all")
    clock.move(minutes=130)  # 12:20 … 14:00 passed; the window reaches back to 13:10
    Planner(clock).fire_due()
    said = sorted(Message.objects.values_list("text", flat=True))
    assert said == ["/echo all", "/echo all", "/echo all", "/echo once"]
    missed = Firing.objects.filter(state="missed").count()
    assert missed + Firing.objects.filter(state="fired").count() == 18
    once = Firing.objects.get(state="fired", schedule__command="/echo once")
    assert once.due == NOON + timedelta(hours=2)
    clock.move(minutes=10)
    Planner(clock).fire_due()
    assert Message.objects.count() == 7  # everybody is on time again


def test_after_a_long_absence_the_first_and_the_latest_are_written_down(
    add: Add, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planner, "MOST_RECORDED", 10)
    add("* * * * *", missed="skip")
    clock.move(days=40)
    Planner(clock).fire_due()
    found = states()
    assert len(found) == 11
    assert found[0] == (NOON + timedelta(minutes=1), "missed")
    assert found[-1] == (clock(), "fired")


def test_a_paused_one_is_silent_and_resumes_without_catching_up(add: Add, clock: Clock) -> None:
    schedule = add("0 * * * *", missed="all")
    actor = Actor.person(schedule.owner)
    actions.pause(schedule, actor)
    clock.move(hours=3)
    assert Planner(clock).fire_due() == 0
    clock.move(minutes=30)
    actions.resume(schedule, actor, clock())
    assert Planner(clock).fire_due() == 0
    clock.move(minutes=30)
    Planner(clock).fire_due()
    assert states() == [(NOON + timedelta(hours=4), "fired")]


def test_a_leaver_asks_nothing_any_more(add: Add, clock: Clock, bob: Person) -> None:
    add("0 * * * *")
    Person.objects.filter(pk=bob.pk).update(is_active=False)
    clock.move(hours=1)
    Planner(clock).fire_due()
    assert not Message.objects.exists()
    assert [state for _, state in states()] == ["missed"]


def test_one_broken_schedule_stops_nobody_else_and_is_tried_again(add: Add, clock: Clock) -> None:
    broken, good = add("0 * * * *", "/broken"), add("1 * * * *", "/good")
    Schedule.objects.filter(pk=broken.pk).update(cron="not a crontab at all")
    clock.move(hours=1, minutes=2)
    one = Planner(clock)
    one.fire_due()
    assert list(Message.objects.values_list("text", flat=True)) == ["/good"]
    assert one.fire_due() == 0
    Schedule.objects.filter(pk=broken.pk).update(cron="0 * * * *")
    clock.move(minutes=1, seconds=1)
    one.fire_due()
    assert Message.objects.filter(text="/broken").count() == 1
    assert good.firings.filter(state="fired").count() == 1


def test_a_change_that_comes_in_between_wins(
    add: Add, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    schedule, later = add("0 * * * *"), NOON + timedelta(days=3)
    clock.move(hours=1)
    found = planner.times.next_after

    def somebody_edits(*asked: object) -> object:
        Schedule.objects.filter(pk=schedule.pk).update(next_due=later)
        return found(*asked)  # type: ignore[arg-type]

    monkeypatch.setattr(planner.times, "next_after", somebody_edits)
    Planner(clock).fire_due()
    schedule.refresh_from_db()
    assert schedule.next_due == later
    assert states() == []


def test_it_reads_only_what_is_due(
    add: Add, clock: Clock, django_assert_max_num_queries: Callable[..., object]
) -> None:
    for _ in range(20):
        add("0 9 1 1 *")
    clock.move(hours=1)
    with django_assert_max_num_queries(1):  # type: ignore[attr-defined]
        Planner(clock).fire_due()


@pytest.mark.parametrize(
    ("zone", "cron", "after", "expected"),
    [
        # 2026-03-08: New York springs from 02:00 to 03:00; 2026-11-01 it falls back at 02:00.
        ("America/New_York", "30 2 * * *", "2026-03-08T05:00", "2026-03-08T07:00"),
        ("America/New_York", "30 1 * * *", "2026-11-01T04:00", "2026-11-01T05:30"),
        ("America/New_York", "30 1 * * *", "2026-11-01T05:30", "2026-11-02T06:30"),
        ("America/New_York", "0 9 * * *", "2026-03-07T15:00", "2026-03-08T13:00"),
        ("Asia/Shanghai", "0 9 L * *", "2026-02-01T00:00", "2026-02-28T01:00"),
        ("Asia/Kathmandu", "0 9 * * 0", "2026-11-21T00:00", "2026-11-22T03:15"),
    ],
)
def test_the_wall_clock_of_the_time_zone_counts(
    add: Add, clock: Clock, zone: str, cron: str, after: str, expected: str
) -> None:
    clock.now = datetime.fromisoformat(after).replace(tzinfo=UTC)
    schedule = add(cron, time_zone=zone)
    assert schedule.next_due == datetime.fromisoformat(expected).replace(tzinfo=UTC)


def test_one_that_the_database_refuses_stops_nobody_else(
    add: Add, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused, good = add("0 * * * *", "/refused"), add("1 * * * *", "/good")
    real = firing.fire

    def fire(schedule: Schedule, due: datetime) -> object:
        if schedule.pk == refused.pk:
            raise DataError("value out of range")
        return real(schedule, due)

    monkeypatch.setattr(firing, "fire", fire)
    clock.move(hours=1, minutes=2)
    one = Planner(clock)
    one.fire_due()
    assert list(Message.objects.values_list("text", flat=True)) == ["/good"]
    assert good.firings.filter(state="fired").count() == 1


def test_a_database_that_is_away_is_told(
    add: Add, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*args: object) -> None:
        raise OperationalError("no connection")

    add("0 * * * *")
    monkeypatch.setattr(firing, "fire", away)
    clock.move(hours=1)
    with pytest.raises(OperationalError):
        Planner(clock).fire_due()
