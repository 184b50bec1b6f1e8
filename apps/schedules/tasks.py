"""The one Celery task that a timetable row may name: fires a schedule by hand or by stock beat."""

from __future__ import annotations

from datetime import datetime
from functools import partial

import structlog
from celery import shared_task
from django.db import transaction

from apps.core.clock import utcnow
from apps.schedules import firing, times
from apps.schedules.models import Schedule
from apps.schedules.timetable import TASK, stored

log = structlog.get_logger(__name__)


@shared_task(name=TASK)
def fire(number: str) -> None:
    """Fire this schedule for the minute at hand, once, however often it is asked."""
    minute = times.minute_of(utcnow())
    with transaction.atomic():
        rows = Schedule.objects.select_related("owner", "conversation__bot")
        schedule = rows.filter(number=number).first()
        if schedule is None:
            log.warning("schedule.gone", schedule=number)
            return
        if _only_stored(schedule, minute):
            return
        due = times.is_due(schedule.cron, schedule.time_zone, minute)
        firing.fire(schedule, minute, state="fired" if due else "manual")
        transaction.on_commit(partial(firing.wake_for, [schedule]), robust=True)


def _only_stored(schedule: Schedule, minute: datetime) -> bool:
    """Is it one of the days 28 to 31 that stand for the last, but not the last?"""
    kept = stored(schedule.cron)
    if kept == schedule.cron:
        return False
    zone = schedule.time_zone
    return times.is_due(kept, zone, minute) and not times.is_due(schedule.cron, zone, minute)
