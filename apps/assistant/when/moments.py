"""One-off phrases: from days that a phrase may mean to the one moment that lies ahead."""

from __future__ import annotations

import calendar
from datetime import UTC, date, datetime, time, timedelta

from apps.assistant.when.model import At
from apps.assistant.when.pieces import LAST_DAY, MonthDays, Offset, Weekdays
from apps.assistant.when.slots import Slots
from apps.assistant.when.wallclock import is_after, moments_of, zone_of

# Somebody who names a date that has just gone by made a slip; they don't mean next year's.
_SLIP = timedelta(days=30)


def moment(slots: Slots, now: datetime) -> At | None:
    """The moment that a phrase without repetition means, or None."""
    if slots.offset is not None:
        return _offset(slots, slots.offset, now)
    if len(slots.times.minutes) != 1:
        return None
    minute = timedelta(minutes=slots.times.minutes[0])
    walls = (datetime.combine(day, time()) + minute for day in _days(slots, now.date()))
    ahead = (at for wall in walls for at in moments_of(wall, zone_of(now)) if is_after(at, now))
    first = next(ahead, None)
    return None if first is None else At(first)


def _offset(slots: Slots, offset: Offset, now: datetime) -> At | None:
    if slots.repeats or slots.day or slots.week or slots.weekdays or slots.month_days:
        return None
    if slots.month or slots.year or len(slots.times.minutes) > 1:
        return None
    day = _months_later(now.date(), offset.months) + timedelta(days=offset.days)
    zone = zone_of(now)
    if slots.times.minutes:
        if offset.seconds:
            return None
        minute = timedelta(minutes=slots.times.minutes[0])
        at = moments_of(datetime.combine(day, time()) + minute, zone)[0]
    else:
        start = now if day == now.date() else moments_of(datetime.combine(day, now.time()), zone)[0]
        later = start.astimezone(UTC) + timedelta(seconds=offset.seconds)
        at = later.replace(microsecond=0).astimezone(zone)
    return At(at) if is_after(at, now) else None


def _days(slots: Slots, today: date) -> list[date]:
    """The days that the phrase may mean, in order; a day that is named outright stands alone."""
    weekday = _single(slots.weekdays)
    if slots.weekdays is not None and weekday is None:
        return []
    if slots.month_days is not None:
        days = [] if slots.day or slots.week else _dates(slots, slots.month_days, today)
    elif slots.month or slots.year:
        days = []
    elif slots.day is not None:
        days = [] if slots.week else [today + timedelta(days=slots.day.shift)]
    elif slots.weekdays is not None and weekday is not None:
        days = _on_weekday(slots, slots.weekdays, today)
    else:
        days = [] if slots.week else [today, today + timedelta(days=1)]
    return [day for day in days if weekday is None or day.isoweekday() == weekday]


def _single(days: Weekdays | MonthDays | None) -> int | None:
    if days is None or len(days.spans) != 1 or days.spans[0][0] != days.spans[0][1]:
        return None
    return days.spans[0][0]


def _on_weekday(slots: Slots, days: Weekdays, today: date) -> list[date]:
    weekday = days.spans[0][0]
    if slots.week is not None:
        monday = today - timedelta(days=today.weekday())
        return [monday + timedelta(weeks=slots.week.shift, days=weekday - 1)]
    ahead = today + timedelta(days=(weekday - today.isoweekday()) % 7)
    return [ahead, ahead + timedelta(days=7)] if days.rolls else [ahead]


def _dates(slots: Slots, month_days: MonthDays, today: date) -> list[date]:
    number = _single(month_days)
    if number is None:
        return []
    year, month = slots.year, slots.month
    if month is None:
        # The next such day; two months in a row may lack it, three may not.
        months = [_months_later(today.replace(day=1), ahead) for ahead in range(3)]
        return [] if year else _existing([(m.year, m.month) for m in months], number)
    if month.shift is not None:
        first = _months_later(today.replace(day=1), month.shift)
        return [] if year else _existing([(first.year, first.month)], number)
    if len(month.numbers) != 1:
        return []
    if year is not None:
        exact = year.number or today.year + (year.shift or 0)
        return _existing([(exact, month.numbers[0])], number)
    years = [(today.year, month.numbers[0]), (today.year + 1, month.numbers[0])]
    dates = _existing(years, number)
    slipped = [day for day in dates if today - _SLIP < day <= today]
    return slipped or dates


def _existing(months: list[tuple[int, int]], number: int) -> list[date]:
    dates = []
    for year, month in months:
        if not (1 <= year <= 9999 and 1 <= month <= 12):
            continue
        length = calendar.monthrange(year, month)[1]
        day = length if number == LAST_DAY else number
        if 1 <= day <= length:
            dates.append(date(year, month, day))
    return dates


def _months_later(day: date, months: int) -> date:
    """The same day of a later month, or the last one of that month where it is shorter."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    length = calendar.monthrange(year, month + 1)[1]
    return date(year, month + 1, min(day.day, length))
