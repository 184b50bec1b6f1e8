"""When a crontab is due, on the wall clock of its time zone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from zoneinfo import ZoneInfo

from apps.assistant.when import next_times

MINUTE = timedelta(minutes=1)


def next_after(cron: str, time_zone: str, after: datetime) -> datetime | None:
    """The first due time after a moment, in UTC; None when there never is one (30 February).

    Raises ValueError for something that is no crontab.
    """
    found = next_times(cron, after, 1, ZoneInfo(time_zone))
    return found[0].astimezone(UTC) if found else None


def due_times(cron: str, time_zone: str, first: datetime, until: datetime) -> Iterator[datetime]:
    """Every due time from `first` to `until`, both included, soonest first, in UTC."""

    def all_of_them() -> Iterator[datetime]:
        moment = next_after(cron, time_zone, first - timedelta(microseconds=1))
        while moment is not None:
            yield moment
            moment = next_after(cron, time_zone, moment)

    return takewhile(lambda moment: moment <= until, all_of_them())


def is_due(cron: str, time_zone: str, minute: datetime) -> bool:
    """Is this minute (its beginning) a due time?"""
    return next_after(cron, time_zone, minute - timedelta(microseconds=1)) == minute


def minute_of(moment: datetime) -> datetime:
    """The beginning of the minute, in UTC."""
    return moment.astimezone(UTC).replace(second=0, microsecond=0)
