"""What an operator edits in django-celery-beat's rows becomes true for the schedule behind them.

Saved rows come by signals. `.update()` sends none: `resync` compares the rows in the database.
"""

from __future__ import annotations

from datetime import datetime

import structlog
from django.db import transaction
from django.db.models import CharField, F, Q, QuerySet, Value
from django.db.models.functions import Cast, Concat
from django_celery_beat.models import PeriodicTask

from apps.audit import log as audit
from apps.audit.log import Actor
from apps.core.clock import utcnow
from apps.schedules import times, timetable
from apps.schedules.models import Schedule

log = structlog.get_logger(__name__)


def follow(task: PeriodicTask, now: datetime | None = None) -> bool:
    """Make the schedule of this PeriodicTask say what the task says; True when it was different."""
    schedule = Schedule.objects.filter(periodic_task=task).first()
    if schedule is None:
        return False
    known = timetable.Times(schedule.enabled, schedule.cron, schedule.time_zone)
    said = timetable.read(task, known)
    if said == known:
        return False
    if (said.cron, said.time_zone) != (known.cron, known.time_zone):
        schedule.words = ""  # they described the former times
    schedule.enabled, schedule.cron, schedule.time_zone = said.enabled, said.cron, said.time_zone
    schedule.next_due = _next(schedule, now or utcnow())
    with transaction.atomic():
        schedule.save(update_fields=["enabled", "cron", "time_zone", "words", "next_due"])
        audit.record(
            "schedule.changed",
            actor=Actor.system("timetable"),
            obj=("schedule", schedule.number, schedule.cron),
            data={"enabled": said.enabled, "cron": said.cron, "time_zone": said.time_zone},
        )
    return True


def orphaned(task: PeriodicTask) -> None:
    """A PeriodicTask is being deleted: its schedule stops, and stays to be resumed or removed."""
    Schedule.objects.filter(periodic_task=task).update(enabled=False, next_due=None)


def resync(now: datetime | None = None) -> int:
    """Follow every PeriodicTask that says something else than its schedule; return how many.

    One query finds them in the database, so that the number of schedules hardly matters.
    """
    found = _different().select_related("periodic_task__crontab")
    tasks = [schedule.periodic_task for schedule in found]
    return sum(follow(task, now) for task in tasks if task is not None)


def _different() -> QuerySet[Schedule]:
    crontab = "periodic_task__crontab__"
    parts = [part for name in timetable.FIELDS for part in (F(crontab + name), Value(" "))]
    said = Concat(*parts[:-1], output_field=CharField())
    zone = Cast(F(f"{crontab}timezone"), CharField())
    rows = Schedule.objects.filter(periodic_task__isnull=False).annotate(said=said, zone=zone)
    # What holds an L is stored as something else: those few are compared one by one.
    differs = ~Q(said=F("cron")) | ~Q(zone=F("time_zone"))
    return rows.filter(differs | Q(said=None) | ~Q(enabled=F("periodic_task__enabled")))


def _next(schedule: Schedule, now: datetime) -> datetime | None:
    if not schedule.enabled:
        return None
    try:
        return times.next_after(schedule.cron, schedule.time_zone, now)
    except ValueError:
        log.warning("schedule.unreadable", schedule=schedule.number, cron=schedule.cron)
        return None
