"""English words for days: the day after tomorrow, next Wednesday, Dec 25th, end of next month."""

from __future__ import annotations

import re

from apps.assistant.when.digits import numbered_date
from apps.assistant.when.en_words import (
    AND,
    EACH,
    MONTH,
    NTH,
    ORDINAL,
    PART,
    PARTS,
    TO,
    TOMORROW,
    WEEKDAY,
    WORD_BY_WORD,
    month_number,
    spans_in,
    weekday_number,
    whole_part,
)
from apps.assistant.when.numbers import ordinal
from apps.assistant.when.pieces import (
    BEYOND,
    BEYOND_DAY,
    EVENING,
    LAST_DAY,
    Day,
    Month,
    MonthDays,
    Part,
    Pieces,
    Week,
    Weekdays,
    Year,
)
from apps.assistant.when.rules import MORE, Match, Rules

RULES = Rules(around=WORD_BY_WORD)

_ON = "(?:on )?(?:the )?"
_YEAR = "(?:,? (20[0-9]{2})(?!:))?"
_WEEKDAYS = rf"{WEEKDAY}s?\.?(?:(?:{TO}|{AND})(?:on )?{EACH}?{WEEKDAY}s?\.?){MORE}"
_ORDINALS = rf"({ORDINAL}(?:(?:{TO}|{AND})(?:on )?(?:the )?{ORDINAL}){MORE})"
_LAST = MonthDays(((LAST_DAY, LAST_DAY),))
_DAYS = {"today": 0, "yesterday": -1}
_SHIFTS = {"this": 0, "next": 1, "last": -1}


@RULES.rule(rf"(?:on |later )?(today|{TOMORROW}|yesterday)(?: {PART})?")
def _day(match: Match) -> Pieces:
    return Day(_DAYS.get(match[1], 1)), *whole_part(match[2])


@RULES.rule(rf"{_ON}day (after {TOMORROW}|before yesterday)(?: {PART})?")
def _day_but_one(match: Match) -> Pieces:
    return Day(2 if match[1].startswith("after") else -2), *whole_part(match[2])


@RULES.rule(rf"this {PART}|(tonight)|(last) night")
def _part_of_today(match: Match) -> Pieces:
    part = Part(PARTS[match[1]] if match[1] else EVENING, whole=True)
    return Day(-1 if match[3] else 0), part


@RULES.rule(rf"{_ON}(?:(this|next|last|coming|this coming) )?({WEEKDAY})\.?(?: {PART})?")
def _weekday(match: Match) -> Pieces:
    week = {"next": (Week(1),), "last": (Week(-1),)}.get(match[1], ())
    number = weekday_number(match[2])
    days = Weekdays(((number, number),), rolls=match[1] != "this")
    return *week, days, *whole_part(match[3])


@RULES.rule(rf"(?:on |from )?({EACH})?({_WEEKDAYS})(?: {PART}(s)?)?")
def _weekdays(match: Match) -> Pieces | None:
    spans = spans_in(match[2], WEEKDAY, weekday_number)
    if spans is None:
        return None
    plural = match[4] or re.search(r"days\b", match[2])
    if not match[1] and not plural and spans[0][0] == spans[-1][1]:
        return None
    return Weekdays(spans, repeats=True), *whole_part(match[3])


@RULES.rule("(?:on |of )?(?:(?:the )?(this|next|last) week|the week after next)(?: on)?")
def _week(match: Match) -> Pieces:
    return (Week(_SHIFTS[match[1]] if match[1] else 2),)


@RULES.rule(rf"{_ON}({MONTH})\.? (?:the )?{NTH}{_YEAR}")
def _month_day(match: Match) -> Pieces:
    return _date(match[1], match[2], match[3])


@RULES.rule(rf"{_ON}{NTH} (?:of )?({MONTH})\.?{_YEAR}")
def _day_month(match: Match) -> Pieces:
    return _date(match[2], match[1], match[3])


@RULES.rule(rf"(?:on )?the {_ORDINALS}(?: day)?(?: of)?")
@RULES.rule(rf"(?:on )?{_ORDINALS}(?: day)? of")
@RULES.rule(rf"on {_ORDINALS}")
def _days_of_month(match: Match) -> Pieces:
    spans = spans_in(match[1], ORDINAL, ordinal)
    return BEYOND if spans is None else (MonthDays(spans),)


RULES.always("(?:on |at )?(?:the )?(?:last day|end) of(?: the month(?= every| each))?", (_LAST,))
RULES.always("(?:on )?the last day", (_LAST,))
RULES.always("(?:on |at )?(?:the )?(?:last day|end) of the month", (Month(shift=0), _LAST))
RULES.always("(?:at )?(?:the )?month[- ]end", (Month(shift=0), _LAST))
RULES.always("(?:on )?(?:the )?first day of", (MonthDays(((1, 1),)),))
RULES.always("of the month|(?<=of )the month", ())


@RULES.rule(rf"(?:(?<= of )|of )({MONTH}(?:{AND}{MONTH}){MORE})")
def _months(match: Match) -> Pieces:
    names = re.findall(MONTH, match[1])
    return (Month(tuple(sorted({month_number(name) for name in names}))),)


@RULES.rule("(?:of |in )?(this|next|last) (month|year)(?: on)?")
def _month_or_year(match: Match) -> Pieces:
    shift = _SHIFTS[match[1]]
    return (Month(shift=shift),) if match[2] == "month" else (Year(shift=shift),)


# Days that a crontab can't tell, days told by another day, and days whose date changes.
RULES.always(
    rf"{_ON}(?:first|second|third|fourth|fifth|last|[1-5](?:st|nd|rd|th))"
    rf" (?:{WEEKDAY}|(?:business|working|work|week) ?day|weekend|week)"
    rf"|{WEEKDAY} (?:after next|week)|{WEEKDAY} or {WEEKDAY}"
    "|(?:on |at )?(?:the |that |this |next |last )?"
    "(?:weekend|following (?:day|week|month)|(?<!every )next day|same day|(?<=that )day)"
    "|(?:an?|one|two|[0-9]+) (?:days?|weeks?|months?) (?:from|after|before)"
    rf"(?= (?:today|{TOMORROW}|next|this|{WEEKDAY}))"
    "|some ?day|one day|any ?day|thanksgiving|easter"
    "|christmas(?: day| eve)?|new year(?:'?s)?(?: day| eve)?",
    BEYOND_DAY,
)


def _date(month: str, day: str, year: str | None) -> Pieces:
    number = int(day) if day.isdecimal() else ordinal(day)
    if number is None:
        return BEYOND
    return numbered_date(int(year) if year else None, month_number(month), number)
