"""The smallest things that a time phrase is made of, whatever the language and the order."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

Span = tuple[int, int]
"""An inclusive range; (3, 3) is a single value."""

LAST_DAY = 99
"""The day of a month that is its last, whatever its number."""


@dataclass(frozen=True, slots=True)
class Hours:
    """The hours that a part of the day covers, inclusive; 24 is the midnight at the end of it."""

    first: int
    last: int


SMALL_HOURS = Hours(0, 6)
DAWN = Hours(4, 8)
MORNING = Hours(1, 11)
FORENOON = Hours(1, 12)
NOON = Hours(11, 14)
MIDDAY = Hours(12, 12)
AFTERNOON = Hours(12, 23)
DUSK = Hours(16, 20)
EVENING = Hours(17, 24)
NIGHT = Hours(18, 24)
AM = Hours(0, 11)
PM = Hours(12, 23)
DAY_BEGINS = Hours(0, 0)
DAY_ENDS = Hours(24, 24)


@dataclass(frozen=True, slots=True)
class Clock:
    """A time of day as it was said: `minute` is negative in "quarter to", 03:00 is `padded`."""

    hour: int
    minute: int
    padded: bool = False
    hours: Hours | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the day; `whole` when it goes with the day and so holds for each clock there."""

    hours: Hours
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Day:
    """A day counted from today."""

    shift: int


@dataclass(frozen=True, slots=True)
class Week:
    """A week (from Monday) counted from this one."""

    shift: int


@dataclass(frozen=True, slots=True)
class Weekdays:
    """Days of the week, 1 = Monday to 7 = Sunday.

    `repeats` when it can't mean one day; `rolls` when next week's will do if this week's is over.
    """

    spans: tuple[Span, ...]
    repeats: bool = False
    rolls: bool = True


@dataclass(frozen=True, slots=True)
class MonthDays:
    """Days of a month."""

    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Month:
    """Months by number, or one counted from this month."""

    numbers: tuple[int, ...] = ()
    shift: int | None = None


@dataclass(frozen=True, slots=True)
class Year:
    """A year by number, or counted from this one."""

    number: int = 0
    shift: int | None = None


class Unit(Enum):
    """What a repetition goes by."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


@dataclass(frozen=True, slots=True)
class Marker:
    """Says that something repeats; an `adjective` (weekly) may also belong to a noun beside it."""

    unit: Unit
    adjective: bool = False


@dataclass(frozen=True, slots=True)
class Interval:
    """Again after so many minutes; `past` is the minute of the hour when it was said."""

    minutes: int
    past: int | None = None


@dataclass(frozen=True, slots=True)
class Offset:
    """So long from now; negative for ago."""

    months: int = 0
    days: int = 0
    seconds: int = 0


class Join(Enum):
    """A word between two clocks."""

    AND = "and"
    TO = "to"


@dataclass(frozen=True, slots=True)
class Opening:
    """ "from" or "between": a range of clocks must follow."""


@dataclass(frozen=True, slots=True)
class Hedge:
    """A word before a time that makes it something else: by, until, about."""


@dataclass(frozen=True, slots=True)
class Beyond:
    """About time, but nothing that a moment or a crontab can say: no answer rather than a guess.

    `day` when it tells the day or the rhythm, so that a clock elsewhere in the sentence may be its.
    """

    day: bool = False


Piece = (
    Clock
    | Part
    | Day
    | Week
    | Weekdays
    | MonthDays
    | Month
    | Year
    | Marker
    | Interval
    | Offset
    | Join
    | Opening
    | Hedge
    | Beyond
)
Pieces = tuple[Piece, ...]
BEYOND: Pieces = (Beyond(),)
BEYOND_DAY: Pieces = (Beyond(day=True),)
