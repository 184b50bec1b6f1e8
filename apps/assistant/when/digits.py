"""Times and dates in digits, which both languages write alike: 15:30, 2026-12-31, 12/25."""

from __future__ import annotations

from apps.assistant.when.pieces import (
    AM,
    BEYOND,
    PM,
    Clock,
    Hours,
    Month,
    MonthDays,
    Pieces,
    Year,
)
from apps.assistant.when.rules import Match, Rules

RULES = Rules()

AMPM = r"(?: ?([ap])\.?m(?![a-z0-9])\.?)"
"""An am or pm; its letter is the last group of every pattern that ends with this."""
_TIME = r"([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}))?"
_DATE = "(20[0-9]{2})[-/.]([0-9]{1,2})[-/.]([0-9]{1,2})"
# What follows 12.25 or 12-25 when it is a date, and not an amount or a range.
_CHINESE = "(?:[日号早晚凌傍]|[上下中]午| ?[0-9]{1,2}点)"
_PAIR = (
    "(?:([0-9]{1,2})/([0-9]{1,2})(?![0-9/])"
    f"|([0-9]{{1,2}})-([0-9]{{1,2}})(?={_CHINESE}| [0-9]{{1,2}}:))"
)


def half_of_day(match: Match) -> Hours | None:
    """The half of the day that the am or pm at the end of the match names, if there is one."""
    return {"a": AM, "p": PM, None: None}[match.groups()[-1]]


def clock_of(hour: int, minute: int, *, padded: bool = False, hours: Hours | None = None) -> Pieces:
    """A clock, or what stands for a time that no clock shows."""
    fits = 0 <= hour <= 24 and minute < 60 and (hour < 24 or minute == 0)
    return (Clock(hour, minute, padded, hours),) if fits else BEYOND


def numbered_date(year: int | None, month: int, day: int) -> Pieces:
    """A date in numbers; whether it exists is seen later, when the year is known."""
    tail = (Month((month,)), MonthDays(((day, day),)))
    return tail if year is None else (Year(year), *tail)


@RULES.rule(rf"(?:at |@ ?)?{_TIME}(?![0-9:%]|\.[0-9]| ?[ap]\.?m\b)(?:分|整| hours)?")
def _time(match: Match) -> Pieces:
    if match[3] not in (None, "00"):
        return BEYOND
    return clock_of(int(match[1]), int(match[2]), padded=match[1].startswith("0"))


@RULES.rule(rf"(?:at |@ ?)?([0-9]{{1,2}})(?:[:.]([0-9]{{2}}))?{AMPM}")
def _time_with_half(match: Match) -> Pieces:
    hour, minute = int(match[1]), int(match[2] or 0)
    if not 1 <= hour <= 12:
        return BEYOND
    return clock_of(hour, minute, hours=half_of_day(match))


@RULES.rule(rf"(?:on )?{_DATE}(?![0-9])")
def _date(match: Match) -> Pieces:
    return numbered_date(int(match[1]), int(match[2]), int(match[3]))


@RULES.rule(rf"(?:on )?{_DATE}[ t]{_TIME}(?![0-9:]|\.[0-9]| ?[ap]\.?m\b)")
def _date_and_time(match: Match) -> Pieces:
    # Beside such a date an hour is never half a day off, so that 3:00 is as good as 03:00.
    if match[6] not in (None, "00"):
        return BEYOND
    clock = clock_of(int(match[4]), int(match[5]), padded=True)
    return numbered_date(int(match[1]), int(match[2]), int(match[3])) + clock


@RULES.rule(f"(?:on )?{_PAIR}(?=({_CHINESE})?)")
def _month_and_day(match: Match) -> Pieces:
    first, second = int(match[1] or match[3]), int(match[2] or match[4])
    # Only Chinese writes the month first without fail; elsewhere 3/4 may be either.
    if match[5] is not None or first == second or second > 12 >= first:
        return numbered_date(None, first, second)
    return numbered_date(None, second, first) if first > 12 else BEYOND


@RULES.rule(rf"(?<!版本)(?<![v.0-9])([0-9]{{1,2}})\.([0-9]{{1,2}})(?={_CHINESE})[日号]?")
def _dotted(match: Match) -> Pieces:
    return numbered_date(None, int(match[1]), int(match[2]))
