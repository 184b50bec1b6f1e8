"""What a schedule says to people: its times in words, and its next runs."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings

from apps.assistant import when
from apps.core.clock import utcnow
from apps.core.i18n import Text, both
from apps.schedules import times
from apps.schedules.models import Schedule


def zone() -> ZoneInfo:
    """The wall clock of new schedules."""
    return ZoneInfo(settings.CLAWDBOT_TIME_ZONE)


def next_runs(schedule: Schedule, count: int = 5, now: datetime | None = None) -> list[datetime]:
    """The next due times on the schedule's own wall clock; none while it is paused."""
    if not schedule.enabled:
        return []
    return preview(schedule.cron, schedule.time_zone, count, now or utcnow())


def preview(cron: str, time_zone: str, count: int, now: datetime) -> list[datetime]:
    """The next due times of a crontab; none when it cannot be read or never comes."""
    wall = ZoneInfo(time_zone)
    try:
        return [run.astimezone(wall) for run in times.upcoming(cron, time_zone, now, count)]
    except ValueError:
        return []


def in_words(schedule: Schedule) -> Text:
    """As the owner said it, else what its crontab means."""
    return both(schedule.words, schedule.words) if schedule.words else describe(schedule.cron)


def describe(cron: str) -> Text:
    """What a crontab means; one that no phrase makes is shown as it is."""
    every = when.Every(cron)
    return both(when.describe(every, "zh"), when.describe(every, "en"))


def lag(now: datetime | None = None) -> float:
    """How many seconds the oldest due schedule is late; 0 when none is."""
    now = now or utcnow()
    rows = Schedule.objects.filter(enabled=True, next_due__lte=now).order_by("next_due")
    oldest = rows.values_list("next_due", flat=True).first()
    return max((now - oldest) / timedelta(seconds=1), 0.0) if oldest else 0.0
