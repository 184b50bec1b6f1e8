"""When a crontab is due, on the wall clock of its time zone, as moments in UTC."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from apps.assistant.when import next_times

LARGEST_CHUNK = 100


def upcoming(cron: str, time_zone: str, after: datetime, count: int) -> list[datetime]:
    """The next `count` due times after a moment.

    Raises ValueError for something that is no crontab, or whose day never comes (30 February).
    """
    found = next_times(cron, ZoneInfo(time_zone), after, count)
    return [moment.astimezone(UTC) for moment in found]


def next_after(cron: str, time_zone: str, after: datetime) -> datetime | None:
    """The first due time after a moment; raises as `upcoming` does."""
    found = upcoming(cron, time_zone, after, 1)
    return found[0] if found else None


def due_times(cron: str, time_zone: str, first: datetime, until: datetime) -> Iterator[datetime]:
    """Every due time from `first` to `until`, both included, soonest first."""
    last, chunk = first - timedelta(microseconds=1), 2  # mostly it is one, and the next
    while found := upcoming(cron, time_zone, last, chunk):
        for moment in found:
            if moment > until:
                return
            yield moment
        last, chunk = found[-1], min(chunk * 2, LARGEST_CHUNK)


def is_due(cron: str, time_zone: str, minute: datetime) -> bool:
    """Is this minute (its beginning) a due time?"""
    return next_after(cron, time_zone, minute - timedelta(microseconds=1)) == minute


def minute_of(moment: datetime) -> datetime:
    """The beginning of the minute."""
    return moment.astimezone(UTC).replace(second=0, microsecond=0)
