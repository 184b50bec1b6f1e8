"""What an operator edits in the timetable's rows becomes true for the schedule, and back."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django_celery_beat.models import CrontabSchedule, PeriodicTask

from apps.audit.log import Actor
from apps.audit.models import AuditRow
from apps.schedules import actions, sync, times
from apps.schedules.models import Schedule
from apps.schedules.timetable import TASK, stored
from tests.schedules.conftest import NOON

pytestmark = pytest.mark.django_db
Add = Callable[..., Schedule]


def again(schedule: Schedule) -> Schedule:
    """The row as it is now."""
    return Schedule.objects.select_related("periodic_task__crontab").get(pk=schedule.pk)


def test_a_schedule_has_a_row_that_stock_beat_could_run(add: Add) -> None:
    schedule = again(add("30 9 * * 1-5"))
    task = schedule.periodic_task
    assert task is not None
    assert (task.task, json.loads(task.args), task.enabled) == (TASK, [schedule.number], True)
    assert str(task.crontab.timezone) == "Asia/Shanghai"
    celerys = task.crontab.schedule
    assert (celerys.hour, celerys.minute, celerys.day_of_week) == ({9}, {30}, {1, 2, 3, 4, 5})


def test_equal_times_share_one_crontab(add: Add) -> None:
    first, second = again(add("0 9 * * *")), again(add("0 9 * * *"))
    assert first.periodic_task.crontab_id == second.periodic_task.crontab_id  # type: ignore[union-attr]


def test_the_last_day_is_stored_as_the_days_that_may_be_last(add: Add) -> None:
    schedule = again(add("0 9 L * *"))
    assert schedule.cron == "0 9 L * *"
    assert schedule.periodic_task.crontab.day_of_month == "28-31"  # type: ignore[union-attr]
    assert stored("0 9 1,15,L * *") == "0 9 1,15,28-31 * *"
    schedule.periodic_task.save()  # type: ignore[union-attr]
    assert again(schedule).cron == "0 9 L * *"


def test_a_saved_row_changes_the_schedule_at_once(add: Add) -> None:
    schedule = again(add("0 9 * * *", words="每天九点"))
    task = schedule.periodic_task
    assert task is not None
    task.crontab = CrontabSchedule.objects.create(
        minute="15", hour="7", day_of_week="*", timezone="UTC"
    )
    task.save()
    found = again(schedule)
    assert (found.cron, found.time_zone, found.words) == ("15 7 * * *", "UTC", "")
    assert found.next_due is not None
    assert (found.next_due.hour, found.next_due.minute) == (7, 15)
    task.enabled = False
    task.save()
    assert again(schedule).enabled is False
    assert again(schedule).next_due is None


def test_a_saved_crontab_changes_everything_that_names_it(add: Add) -> None:
    both = [add("0 9 * * *"), add("0 9 * * *")]
    crontab = CrontabSchedule.objects.get()
    crontab.hour = "10"
    crontab.save()
    assert {again(schedule).cron for schedule in both} == {"0 10 * * *"}


def test_updates_that_send_no_signal_are_found(add: Add) -> None:
    first, second, third = add("0 9 * * *"), add("0 10 * * *"), add("0 9 L * *")
    assert sync.resync() == 0
    PeriodicTask.objects.filter(pk=first.periodic_task_id).update(enabled=False)
    CrontabSchedule.objects.filter(hour="10").update(minute="5", timezone="Europe/Berlin")
    CrontabSchedule.objects.filter(day_of_month="28-31").update(hour="8")
    assert sync.resync(NOON) == 3
    assert again(first).enabled is False
    assert (again(second).cron, again(second).time_zone) == ("5 10 * * *", "Europe/Berlin")
    assert again(third).cron == "0 8 28-31 * *"
    assert sync.resync() == 0


def test_times_that_nobody_can_read_are_not_due_and_break_nothing(add: Add) -> None:
    schedule = add("0 9 * * *")
    CrontabSchedule.objects.update(day_of_month="30", month_of_year="2")
    assert sync.resync() == 1
    assert again(schedule).next_due is None


def test_a_deleted_row_stops_its_schedule(add: Add) -> None:
    schedule = again(add("0 9 * * *"))
    assert schedule.periodic_task is not None
    schedule.periodic_task.delete()
    found = again(schedule)
    assert (found.enabled, found.next_due, found.periodic_task) == (False, None, None)
    actions.resume(found, Actor.cli(), NOON)
    assert again(schedule).periodic_task is not None
    assert again(schedule).next_due == NOON + timedelta(hours=21)


def test_our_own_changes_are_no_news(add: Add) -> None:
    schedule = add("0 9 * * *")
    actions.pause(schedule, Actor.cli())
    actions.resume(schedule, Actor.cli())
    said = list(AuditRow.objects.filter(object_type="schedule").values_list("action", flat=True))
    assert sorted(said) == ["schedule.added", "schedule.paused", "schedule.resumed"]


def test_due_times_come_in_chunks_without_a_gap() -> None:
    first, until = NOON, NOON + timedelta(minutes=180)
    found = list(times.due_times("* * * * *", "UTC", first, until))
    assert found == [NOON + timedelta(minutes=m) for m in range(181)]


def test_a_minute_is_due_or_not() -> None:
    assert times.is_due("0 12 * * *", "Asia/Shanghai", NOON)
    assert not times.is_due("0 12 * * *", "UTC", NOON)
    assert times.minute_of(datetime(2026, 1, 1, 1, 1, 59, 5, tzinfo=UTC)).second == 0
