"""English words for repetitions: every weekday, on the 1st of each month, every half hour."""

from __future__ import annotations

from apps.assistant.when.digits import numbered_date
from apps.assistant.when.en_words import (
    AND,
    EACH,
    MONTH,
    NTH,
    ORDINAL,
    PART,
    PARTS,
    WEEKDAY,
    WORD_BY_WORD,
    month_number,
    spans_in,
    whole_part,
)
from apps.assistant.when.numbers import NUMBER_WORD, english, ordinal
from apps.assistant.when.pieces import (
    BEYOND,
    BEYOND_DAY,
    NIGHT,
    Interval,
    Marker,
    MonthDays,
    Part,
    Pieces,
    Unit,
    Weekdays,
)
from apps.assistant.when.rules import MORE, Match, Rules

RULES = Rules(around=WORD_BY_WORD)

_NUMBER = rf"(?:[0-9]{{1,4}}|{NUMBER_WORD})"
_WORKDAY = "(?:weekday|workday|work day|working day|business day)"
_SUBHOUR = "(minute|min|hour|hr)s?"
_PAST = rf"(half|quarter|{_NUMBER})(?: min(?:ute)?s)? past"
_NUMBERED = "[0-9]{1,2}(?:st|nd|rd|th)"
_OTHER_UNIT = f"(?! [a-z]*days?| hour| min| week| month|(?: of)? {MONTH})"

for _unit, _word, _adjective in (
    (Unit.DAY, "day", "daily|everyday"),
    (Unit.WEEK, "week", "weekly"),
    (Unit.MONTH, "month", "monthly"),
    (Unit.QUARTER, "quarter", "quarterly"),
    (Unit.YEAR, "year", "yearly|annually"),
):
    RULES.always(rf"(?:(?:of )?{EACH}|once (?:a|per|every) ){_word}(?: on)?", (Marker(_unit),))
    RULES.always(rf"(?:{_adjective})(?: on)?", (Marker(_unit, adjective=True),))

RULES.always("nightly", (Marker(Unit.DAY, adjective=True), Part(NIGHT, whole=True)))
RULES.always(rf"hourly|once (?:an|per) hour|{EACH}hour on the hour", (Interval(60),))
RULES.always(rf"{EACH}hour on the half hour", (Interval(60, past=30),))
RULES.always(rf"half[- ]hourly|{EACH}half(?:[ -]an)?[ -]hour", (Interval(30),))
RULES.always(rf"{EACH}quarter(?: of an)?[ -]hour", (Interval(15),))
# Rhythms that a crontab starts anew each hour, month or year, or that leave open when.
RULES.always(
    rf"(?:once )?{EACH}(?:other|alternate|few|couple of|several|{_NUMBER}|{ORDINAL})"
    rf" (?:days?|weeks?|months?|quarters?|years?|seconds?|secs?|{_WORKDAY}s?|weekends?|{WEEKDAY}s?)"
    rf"|{EACH}(?:few|couple of|several) {_SUBHOUR}|{EACH}second|{EACH}fortnight"
    rf"|{EACH}(?:hour and a half|{_NUMBER} and a half hours|[0-9]+\.[0-9]+ hours?)"
    rf"|(?:twice|thrice|(?:{_NUMBER}|several|many) times) (?:a|an|per|each|every) "
    "(?:day|week|month|year|hour)"
    rf"|(?:bi|semi)-?(?:weekly|monthly|annually|yearly)|fortnightly|alternate {WEEKDAY}s?",
    BEYOND_DAY,
)


@RULES.rule(
    rf"(?:on )?(?:{EACH}{_WORKDAY}s?|(?:all )?{_WORKDAY}s|{_WORKDAY}(?= {PART}s))(?: {PART}s?)?"
)
def _workdays(match: Match) -> Pieces:
    return Weekdays(((1, 5),), repeats=True), *whole_part(match.groups()[-1])


@RULES.rule(rf"(?:on |at )?(?:{EACH}weekend|weekends|weekend(?= {PART}s))(?: {PART}s?)?")
def _weekends(match: Match) -> Pieces:
    return Weekdays(((6, 6), (7, 7)), repeats=True), *whole_part(match.groups()[-1])


@RULES.rule(rf"{EACH}{PART}")
def _every_part(match: Match) -> Pieces:
    return Marker(Unit.DAY), Part(PARTS[match[1]], whole=True)


@RULES.rule(rf"(?:once )?{EACH}(?:(other) |({_NUMBER}) ?|({ORDINAL}) )?{_SUBHOUR}")
def _interval(match: Match) -> Pieces | None:
    if match[1]:
        count: int | None = 2
    elif match[3]:
        count = ordinal(match[3])
    else:
        count = english(match[2] or "one")
    if not count:
        return BEYOND
    return (Interval(count * (60 if match[4].startswith("h") else 1)),)


@RULES.rule(rf"{EACH}hour at (?::([0-9]{{2}})|{_PAST}(?: the hour)?)")
@RULES.rule(rf"(?:at )?(){_PAST} {EACH}hour")
def _minute_of_hour(match: Match) -> Pieces | None:
    minute = {"half": 30, "quarter": 15}.get(match[2] or "", english(match[1] or match[2]))
    if minute is None:
        return None
    return (Interval(60, past=minute),) if minute < 60 else BEYOND


@RULES.rule(rf"(?:on )?{EACH}({_NUMBERED}(?:{AND}{_NUMBERED}){MORE}){_OTHER_UNIT}")
def _every_day_of_month(match: Match) -> Pieces:
    spans = spans_in(match[1], ORDINAL, ordinal)
    return BEYOND if spans is None else (Marker(Unit.MONTH), MonthDays(spans))


@RULES.rule(rf"(?:on )?{EACH}({MONTH})\.? (?:the )?{NTH}")
def _every_date(match: Match) -> Pieces:
    return _yearly(match[1], match[2])


@RULES.rule(rf"(?:on )?{EACH}({ORDINAL}) (?:of )?({MONTH})")
def _every_date_of(match: Match) -> Pieces:
    return _yearly(match[2], match[1])


def _yearly(month: str, day: str) -> Pieces:
    number = int(day) if day.isdecimal() else ordinal(day)
    if number is None:
        return BEYOND
    return Marker(Unit.YEAR), *numbered_date(None, month_number(month), number)
