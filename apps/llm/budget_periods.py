"""Days and months of budgets, by the installation's wall clock."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings

from apps.core import clock


def today() -> date:
    """The day on the wall clock."""
    return clock.utcnow().astimezone(_zone()).date()


def start_of(period: str, day: date) -> date:
    """The first day of the `day` or `month` that a day is in."""
    return day if period == "day" else day.replace(day=1)


def end_of(period: str, start: date) -> datetime:
    """The moment at which the next one begins."""
    days = 1 if period == "day" else 31
    following = start_of(period, start + timedelta(days=days))
    return datetime.combine(following, time.min, _zone())


def _zone() -> ZoneInfo:
    return ZoneInfo(settings.CLAWDBOT_TIME_ZONE)
