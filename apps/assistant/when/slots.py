"""Sorts the pieces of a phrase by what they tell; refuses phrases that tell a thing twice."""

from __future__ import annotations

from dataclasses import dataclass, field

from apps.assistant.when.clocks import Times, times_of
from apps.assistant.when.pieces import (
    Beyond,
    Clock,
    Day,
    Hedge,
    Interval,
    Join,
    Marker,
    Month,
    MonthDays,
    Offset,
    Opening,
    Part,
    Piece,
    Pieces,
    Unit,
    Week,
    Weekdays,
    Year,
)


@dataclass(slots=True)
class Slots:
    """One phrase, sorted: at most one answer to each question."""

    times: Times = field(default_factory=Times)
    day: Day | None = None
    week: Week | None = None
    weekdays: Weekdays | None = None
    month_days: MonthDays | None = None
    month: Month | None = None
    year: Year | None = None
    interval: Interval | None = None
    offset: Offset | None = None
    markers: set[Unit] = field(default_factory=set)

    @property
    def repeats(self) -> bool:
        """True for a repetition, False for a single moment."""
        weekly = self.weekdays is not None and self.weekdays.repeats
        return bool(self.markers or self.interval or weekly)


_NAMES: dict[type[Piece], str] = {
    Day: "day",
    Week: "week",
    Weekdays: "weekdays",
    MonthDays: "month_days",
    Month: "month",
    Year: "year",
    Interval: "interval",
    Offset: "offset",
}


def sort(pieces: Pieces) -> Slots | None:
    """The pieces in their slots; None when something is said twice, or is beyond us."""
    slots = Slots()
    clocks: list[Piece] = []
    for piece in pieces:
        if isinstance(piece, Beyond | Hedge):
            return None
        if isinstance(piece, Clock | Part | Opening):
            clocks.append(piece)
        elif isinstance(piece, Join):
            if not clocks:
                return None
            clocks.append(piece)
        elif isinstance(piece, Marker):
            slots.markers.add(piece.unit)
        else:
            name = _NAMES[type(piece)]
            if getattr(slots, name) is not None:
                return None
            setattr(slots, name, piece)
    times = times_of(clocks)
    if times is None:
        return None
    slots.times = times
    return slots
