"""Repetitions: from sorted pieces to the crontab that says exactly the same, if there is one."""

from __future__ import annotations

import calendar
from collections.abc import Iterable

from apps.assistant.when.model import Every
from apps.assistant.when.pieces import LAST_DAY, Interval, MonthDays, Span, Unit, Weekdays
from apps.assistant.when.slots import Slots

_DAY_MINUTES = 24 * 60
_QUARTER_STARTS, _QUARTER_ENDS = "1,4,7,10", "3,6,9,12"
_WEEK = range(7)
_LEAP = 2024


def repetition(slots: Slots) -> Every | None:
    """The crontab for a repeating phrase; None when it says too little, or what no crontab says."""
    if slots.day or slots.week or slots.year or slots.offset:
        return None
    days = _days(slots)
    if days is None:
        return None
    clock = _interval(slots, slots.interval) if slots.interval else _times(slots, days)
    return None if clock is None else Every(f"{clock} {days}")


def _times(slots: Slots, days: str) -> str | None:
    minutes = slots.times.minutes
    if not minutes or slots.times.ranging:
        return None
    if minutes[-1] >= _DAY_MINUTES and days != "* * *":
        return None  # 周五晚上12点 is Saturday for a crontab
    hours = sorted({minute // 60 % 24 for minute in minutes})
    past = sorted({minute % 60 for minute in minutes})
    # 9:00 and 18:30 would need 9:30 and 18:00 as well.
    if len(hours) * len(past) != len(minutes):
        return None
    return f"{_listed(past)} {_listed(hours)}"


def _interval(slots: Slots, interval: Interval) -> str | None:
    if slots.times.minutes:
        return _interval_within(slots, interval)
    if interval.past is not None:
        return f"{interval.past} *"
    hours, minutes = divmod(interval.minutes, 60)
    if hours == 0:
        return _step(minutes, 60) and f"{_step(minutes, 60)} *"
    return (_step(hours, 24) and f"0 {_step(hours, 24)}") if minutes == 0 else None


def _interval_within(slots: Slots, interval: Interval) -> str | None:
    """Every hour from 9 to 18: only whole hours begin and end where they were told to."""
    hours, rest = divmod(interval.minutes, 60)
    if not slots.times.ranging or rest or interval.past is not None:
        return None
    first, last = slots.times.minutes
    if last >= _DAY_MINUTES or (last - first) % 60:
        return None
    step = "" if hours == 1 else f"/{hours}"
    return f"{first % 60} {first // 60}-{last // 60}{step}"


def _step(size: int, whole: int) -> str | None:
    """Steps of equal size only: */7 starts anew with each hour."""
    if size == 1:
        return "*"
    return f"*/{size}" if 0 < size < whole and whole % size == 0 else None


def _days(slots: Slots) -> str | None:
    """The last three fields; None when the days don't go together."""
    match slots.markers:
        case markers if len(markers) > 1:
            return None
        case markers if Unit.YEAR in markers:
            return _yearly(slots)
        case markers if Unit.MONTH in markers or Unit.QUARTER in markers:
            return _monthly(slots, quarterly=Unit.QUARTER in markers)
    if slots.month or slots.month_days:
        return None
    if slots.weekdays is None:
        return None if Unit.WEEK in slots.markers else "* * *"
    several = len(slots.weekdays.spans) > 1
    if not (slots.weekdays.repeats or Unit.WEEK in slots.markers or several):
        return None  # 周一每小时 may be about one Monday
    return f"* * {_weekday_field(slots.weekdays)}"


def _yearly(slots: Slots) -> str | None:
    if slots.weekdays or slots.month is None or slots.month_days is None or not slots.month.numbers:
        return None
    months, days = slots.month.numbers, _month_day_field(slots.month_days)
    if days is None or not _comes(months, slots.month_days):
        return None
    return f"{days} {_listed(months)} *"


def _monthly(slots: Slots, *, quarterly: bool) -> str | None:
    if slots.weekdays or slots.month or slots.month_days is None:
        return None
    days = _month_day_field(slots.month_days)
    if not quarterly:
        return days and f"{days} * *"
    months = {"1": _QUARTER_STARTS, "L": _QUARTER_ENDS}.get(days or "")
    return months and f"{days} {months} *"


def _comes(months: Iterable[int], days: MonthDays) -> bool:
    """False when one of the dates is in no year."""
    last = max(last for _, last in days.spans)
    return last == LAST_DAY or all(last <= calendar.monthrange(_LEAP, m)[1] for m in months)


def _month_day_field(days: MonthDays) -> str | None:
    if days.spans == ((LAST_DAY, LAST_DAY),):
        return "L"
    if any(not 1 <= first <= last <= 31 for first, last in days.spans):
        return None
    return _spans_field(days.spans)


def _weekday_field(days: Weekdays) -> str:
    """Said from Monday = 1, written from Sunday = 0; a range over Sunday becomes a list."""
    spans: list[Span] = []
    for first, last in days.spans:
        start, end = first % 7, last % 7
        if start <= end:
            spans.append((start, end))
        else:
            spans.extend((day, day) for day in _WEEK if day >= start or day <= end)
    covered = {day for first, last in spans for day in range(first, last + 1)}
    return "*" if len(covered) == len(_WEEK) else _spans_field(spans)


def _spans_field(spans: Iterable[Span]) -> str:
    ordered = sorted(set(spans))
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in ordered)


def _listed(numbers: Iterable[int]) -> str:
    return ",".join(map(str, numbers))
