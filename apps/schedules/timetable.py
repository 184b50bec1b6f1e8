"""A schedule's times as rows of django-celery-beat, which the admin edits and stock beat can read.

The library knows no last day of the month: `L` is stored as the days 28 to 31, and whoever fires
asks `Schedule.cron`, which keeps it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from django_celery_beat.models import CrontabSchedule, PeriodicTask

from apps.schedules.models import Schedule

TASK = "schedules.fire"
LAST_DAYS = "28-31"
FIELDS = ("minute", "hour", "day_of_month", "month_of_year", "day_of_week")


@dataclass(frozen=True)
class Times:
    """What a PeriodicTask says: whether, when, and on which wall clock."""

    enabled: bool
    cron: str
    time_zone: str


def stored(cron: str) -> str:
    """The crontab as the library can store it: `L` becomes the days that may be the last."""
    minute, hour, day, month, weekday = cron.split()
    days = ",".join(LAST_DAYS if part in {"L", "l"} else part for part in day.split(","))
    return f"{minute} {hour} {days} {month} {weekday}"


def write(schedule: Schedule) -> None:
    """Make the PeriodicTask of a saved schedule say what it says (call in a transaction)."""
    wanted = dict(zip(FIELDS, stored(schedule.cron).split(), strict=True))
    wanted["timezone"] = schedule.time_zone
    crontab = CrontabSchedule.objects.filter(**wanted).order_by("pk").first()
    crontab = crontab or CrontabSchedule.objects.create(**wanted)
    task = schedule.periodic_task or PeriodicTask(name=f"schedule {schedule.number}")
    task.task, task.args = TASK, json.dumps([schedule.number])
    task.crontab, task.enabled = crontab, schedule.enabled
    task.description = schedule.words
    task.save()
    if schedule.periodic_task_id != task.pk:
        schedule.periodic_task = task
        schedule.save(update_fields=["periodic_task"])


def read(task: PeriodicTask, known: Times) -> Times:
    """What a PeriodicTask says now; an `L` that is known already is kept where it fits."""
    crontab = task.crontab
    if crontab is None:  # another kind of timetable than we make: nothing is due
        return Times(False, known.cron, known.time_zone)
    found = " ".join(getattr(crontab, name).replace(" ", "") for name in FIELDS)
    cron = known.cron if found == stored(known.cron) else found
    return Times(task.enabled, cron, str(crontab.timezone))
