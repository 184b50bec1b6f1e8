"""What an operator edits in django-celery-beat's rows becomes true for the schedule behind them.

Saved rows come by signals. `.update()` sends none: `resync` follows what the database noted of it
(see apps.schedules.edits), `compare` looks at all rows, in case that nobody noted something.
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
from apps.core.sql import Prepared
from apps.schedules import times, timetable
from apps.schedules.models import Edit, Schedule

log = structlog.get_logger(__name__)
BATCH = 200


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


noted = Prepared(lambda: Edit.objects.order_by("pk").values_list("pk", "task_id"), window=True)


def resync(now: datetime | None = None) -> int:
    """Follow every edit that was noted; return how many schedules said something else.

    It looks at what was edited since, however many schedules there are.
    """
    count = 0
    while edits := noted.rows(BATCH, 0):
        with transaction.atomic():
            tasks = {task for _, task in edits}
            # Locked first: whoever pauses a schedule writes its task in the same transaction.
            found = list(Schedule.objects.select_for_update().filter(periodic_task_id__in=tasks))
            keys = [schedule.periodic_task_id for schedule in found]
            rows = PeriodicTask.objects.select_related("crontab").filter(pk__in=keys)
            count += sum(follow(task, now) for task in rows)
            Edit.objects.filter(pk__in=[pk for pk, _ in edits]).delete()
    return count


def compare(now: datetime | None = None) -> int:
    """Follow every PeriodicTask that says something else than its schedule; return how many.

    The database looks at all of them: some 0.1 s for 100,000.
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
