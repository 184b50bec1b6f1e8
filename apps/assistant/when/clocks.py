"""Clocks and parts of the day put together: which minute of the day each of them is."""

from __future__ import annotations

from dataclasses import dataclass, field

from apps.assistant.when.pieces import Clock, Hours, Join, Opening, Part, Piece

DAY_MINUTES = 24 * 60
_FIRST_CLEAR_HOUR = 7


@dataclass(frozen=True, slots=True)
class Times:
    """Minutes of the day in ascending order; from 1440 on they are of the night that follows."""

    minutes: tuple[int, ...] = ()
    ranging: bool = False


@dataclass(slots=True)
class _Group:
    """What stands between two joins."""

    clocks: list[Clock] = field(default_factory=list)
    hours: list[Hours] = field(default_factory=list)


def times_of(pieces: list[Piece]) -> Times | None:
    """What clocks, parts and joins say together; None when that fits badly or is unclear."""
    groups, joins, whole = _grouped(pieces)
    opened = any(isinstance(piece, Opening) for piece in pieces)
    if not any(isinstance(piece, Clock) for piece in pieces):
        return None if pieces else Times()
    if any(len(group.clocks) != 1 for group in groups):
        return None
    ranging = Join.TO in joins
    if (ranging and len(groups) != 2) or opened > ranging:
        return None
    minutes = _in_order(groups, whole)
    if minutes is None or len(set(minutes)) != len(minutes):
        return None
    if ranging and minutes[0] > minutes[1]:
        return None
    return Times(tuple(sorted(minutes)), ranging)


def _grouped(pieces: list[Piece]) -> tuple[list[_Group], list[Join], list[Hours]]:
    groups, joins = [_Group()], list[Join]()
    whole: list[Hours] = []
    for piece in pieces:
        if isinstance(piece, Join):
            joins.append(piece)
            groups.append(_Group())
        elif isinstance(piece, Clock):
            groups[-1].clocks.append(piece)
        elif isinstance(piece, Part):
            (whole if piece.whole else groups[-1].hours).append(piece.hours)
    return groups, joins, whole


def _in_order(groups: list[_Group], whole: list[Hours]) -> list[int] | None:
    minutes: list[int] = []
    held: list[Hours] = []
    for group, *following in (groups[index:] for index in range(len(groups))):
        clock = group.clocks[0]
        own = whole + group.hours + ([clock.hours] if clock.hours else [])
        if own:
            minute, held = _within(clock, own), group.hours
        else:
            minute = _carried(clock, held, minutes)
            if minute is None:
                minute, held = _before(clock, following), []
        if minute is None or minute < 0:
            return None
        minutes.append(minute)
    return minutes


def _carried(clock: Clock, held: list[Hours], minutes: list[int]) -> int | None:
    """下午三点和五点: the part of the day holds on, as long as time goes on."""
    minute = _within(clock, held) if held else None
    return minute if minute is not None and minute > minutes[-1] else None


def _before(clock: Clock, following: list[_Group]) -> int | None:
    """3 and 5pm: an am or pm that comes later may hold already; if it can't, the hour as said."""
    said = _as_said(clock)
    coming = following[0].clocks[0] if following else None
    if coming is None or coming.hours is None:
        return said
    shared = _within(clock, [coming.hours])
    limit = _within(coming, [coming.hours])
    if shared is None or limit is None or shared >= limit:
        return said
    return shared if said in (None, shared) else None


def _within(clock: Clock, hours: list[Hours]) -> int | None:
    """The one minute of the day that fits the clock and every part of the day named with it."""
    fits = [
        hour for hour in _possible(clock) if all(part.first <= hour <= part.last for part in hours)
    ]
    return fits[0] * 60 + clock.minute if len(fits) == 1 else None


def _possible(clock: Clock) -> tuple[int, ...]:
    if clock.hour > 12:
        return (clock.hour,)
    if clock.hour in (0, 12):
        return (0, 24) if clock.hour == 0 else (0, 12, 24)
    return (clock.hour, clock.hour + 12)


def _as_said(clock: Clock) -> int | None:
    """An hour alone is read from a 24-hour clock, but 1 to 6 leave open which half of the day."""
    if 0 < clock.hour < _FIRST_CLEAR_HOUR and not clock.padded:
        return None
    hour = 24 if clock.hour == 0 and clock.minute < 0 else clock.hour
    return hour * 60 + clock.minute
