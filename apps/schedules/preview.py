"""What a schedule says to people: its times in words, and its next runs."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings

from apps.core.clock import utcnow
from apps.core.i18n import Text, both
from apps.schedules import times
from apps.schedules.models import Schedule

WEEKDAYS = (
    both("周日", "Sunday"),
    both("周一", "Monday"),
    both("周二", "Tuesday"),
    both("周三", "Wednesday"),
    both("周四", "Thursday"),
    both("周五", "Friday"),
    both("周六", "Saturday"),
)


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
    """What a crontab means, for the shapes that people ask for; else the crontab itself."""
    minute, hour, day, month, weekday = cron.split()
    often = _often(minute, hour, day, month, weekday)
    if often is not None:
        return often
    days = _days(day, month, weekday)
    if days is None or not (minute.isdigit() and hour.replace(",", "").isdigit()):
        return both(f"定时 {cron}", f"cron {cron}")
    clock = ", ".join(f"{int(h):02d}:{int(minute):02d}" for h in hour.split(","))
    return both("{days} {clock}", "{days} at {clock}").format(days=days, clock=clock)


def _often(minute: str, hour: str, day: str, month: str, weekday: str) -> Text | None:
    if (day, month, weekday) != ("*", "*", "*"):
        return None
    if hour == "*":
        if minute == "*":
            return both("每分钟", "every minute")
        if minute.startswith("*/"):
            return both("每 {n} 分钟", "every {n} minutes").format(n=minute[2:])
        if minute.isdigit():
            return both("每小时的第 {m} 分", "every hour at minute {m}").format(m=int(minute))
    if hour.startswith("*/") and minute.isdigit():
        text = both("每 {n} 小时的第 {m} 分", "every {n} hours at minute {m}")
        return text.format(n=hour[2:], m=int(minute))
    return None


def _days(day: str, month: str, weekday: str) -> Text | None:
    if (day, month, weekday) == ("*", "*", "*"):
        return both("每天", "every day")
    if (day, month) == ("*", "*"):
        return _weekdays(weekday)
    if weekday != "*":
        return None
    if day == "L" and month == "*":
        return both("每月最后一天", "the last day of every month")
    if day.replace(",", "").isdigit() and month == "*":
        return both("每月 {d} 日", "day {d} of every month").format(d=day.replace(",", ", "))
    if day.isdigit() and month.isdigit():
        return both("每年 {m} 月 {d} 日", "every year on {m}-{d}").format(
            m=f"{int(month):02d}", d=f"{int(day):02d}"
        )
    return None


def _weekdays(field: str) -> Text | None:
    known = {
        "1-5": both("工作日", "Monday to Friday"),
        "6,0": both("周末", "weekends"),
        "0,6": both("周末", "weekends"),
    }
    if field in known:
        return known[field]
    numbers = field.split(",")
    if not all(n.isdigit() and int(n) <= 7 for n in numbers):
        return None
    names = [WEEKDAYS[int(n) % 7] for n in numbers]
    zh, en = "、".join(n.zh for n in names), ", ".join(n.en for n in names)
    return both(f"每{zh}", f"every {en}")


def lag(now: datetime | None = None) -> float:
    """How many seconds the oldest due schedule is late; 0 when none is."""
    now = now or utcnow()
    rows = Schedule.objects.filter(enabled=True, next_due__lte=now).order_by("next_due")
    oldest = rows.values_list("next_due", flat=True).first()
    return max((now - oldest) / timedelta(seconds=1), 0.0) if oldest else 0.0
