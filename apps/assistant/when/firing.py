"""When a crontab fires: strict reading of the five fields, and the next moments in a time zone."""

from __future__ import annotations

import calendar
import heapq
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from croniter import CroniterBadDateError, CroniterError, croniter

from apps.assistant.when.wallclock import is_after, is_skipped, moments_of

_FIELDS = ("minute", "hour", "day of month", "month", "day of week")
_MONTHS = "|".join(name.lower() for name in calendar.month_abbr[1:])
_WEEKDAYS = "|".join(name.lower() for name in calendar.day_abbr)
_VALUES = (
    "[0-9]{1,2}",
    "[0-9]{1,2}",
    "[0-9]{1,2}",
    f"[0-9]{{1,2}}|{_MONTHS}",
    f"[0-7]|{_WEEKDAYS}",
)


def check(cron: str) -> None:
    """Raise ValueError, saying which field is wrong, unless `cron` is five fields that can fire.

    Fields hold numbers, names of months and weekdays, lists, ranges, steps, and L for the last day
    of the month. What croniter takes beyond that (seconds, years, random fields) is refused.
    """
    fields = cron.split(" ")
    if len(fields) != len(_FIELDS) or "" in fields:
        raise ValueError(f"a crontab has five fields with one space between them: {cron!r}")
    for name, value, field in zip(_FIELDS, _VALUES, fields, strict=True):
        item = rf"(?:\*|(?:{value})(?:-(?:{value}))?)(?:/[1-9][0-9]?)?"
        if name == "day of month":
            item += "|l"
        if not re.fullmatch(rf"(?:{item})(?:,(?:{item}))*", field.lower()):
            raise ValueError(f"the {name} field of a crontab can't be {field!r}")
    try:
        croniter(cron, datetime(2024, 1, 1)).get_next(datetime)
    except CroniterBadDateError as error:
        raise ValueError(f"no such day ever comes: {cron!r}") from error
    except CroniterError as error:
        raise ValueError(f"not a crontab: {cron!r}") from error


def next_times(cron: str, tz: ZoneInfo, after: datetime, count: int) -> list[datetime]:
    """The next `count` moments after `after` (aware) at which `cron` fires, in `tz`, in order.

    Clock changes: a fixed time that is skipped fires at the first moment after the gap; one that
    comes twice fires the first time. Where every hour fires (hour field `*`), time just goes on:
    nothing is made up for, and the repeated hour is an hour like the others.
    Raises ValueError with the reason for a bad crontab, a naive `after` or a negative `count`.
    """
    check(cron)
    if after.tzinfo is None or count < 0:
        raise ValueError("next_times needs an aware moment and a count that is not negative")
    every_hour = cron.split(" ")[1] == "*"
    moments = _elapsing(cron, tz, after) if every_hour else _fixed(cron, tz, after)
    found: list[datetime] = []
    last = after
    while len(found) < count:
        moment = next(moments, None)
        if moment is None:
            break
        if is_after(moment, last):
            found.append(moment)
            last = moment
    return found


def _walls(cron: str, start: datetime) -> Iterator[datetime]:
    # croniter knows calendars; its way with clock changes is not ours, so it sees only the wall.
    ticks = croniter(cron, start.replace(tzinfo=None, fold=0))
    while True:
        try:
            yield ticks.get_next(datetime)
        except (CroniterBadDateError, OverflowError):
            return


def _fixed(cron: str, tz: ZoneInfo, after: datetime) -> Iterator[datetime]:
    for wall in _walls(cron, after.astimezone(tz)):
        yield moments_of(wall, tz)[0]


def _elapsing(cron: str, tz: ZoneInfo, after: datetime) -> Iterator[datetime]:
    start = after.astimezone(tz)
    waiting: list[tuple[datetime, datetime]] = []
    for wall in _walls(cron, start - _set_back(start, tz)):
        if is_skipped(wall, tz):
            continue
        moments = moments_of(wall, tz)
        while waiting and waiting[0][0] < moments[0].astimezone(UTC):
            yield heapq.heappop(waiting)[1]
        for moment in moments:
            heapq.heappush(waiting, (moment.astimezone(UTC), moment))


def _set_back(moment: datetime, tz: ZoneInfo) -> timedelta:
    """How far clocks are set back around `moment`: that long, walls show the same times again."""
    offsets = [
        (moment.astimezone(UTC) + timedelta(days=days)).astimezone(tz).utcoffset() or timedelta()
        for days in (-1, 0, 1)
    ]
    return max(timedelta(), offsets[0] - offsets[1], offsets[1] - offsets[2])
