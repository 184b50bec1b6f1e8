"""The English words that more than one kind of rule needs."""

from __future__ import annotations

import re
from collections.abc import Callable

from apps.assistant.when import pieces as p
from apps.assistant.when.numbers import ORDINAL_WORD

WORD_BY_WORD = "(?<![a-z0-9])(?:{})(?![a-z0-9])"
"""What holds for each English rule: it begins and ends with whole words."""

PARTS = {
    "morning": p.MORNING,
    "afternoon": p.AFTERNOON,
    "evening": p.EVENING,
    "night": p.NIGHT,
}
PART = "(morning|afternoon|evening|night)"

WEEKDAY = (
    "(?:(?:mon|fri|sun)(?:day)?|tue(?:s(?:day)?)?|wed(?:nesday)?|thu(?:rs?(?:day)?)?|sat(?:urday)?)"
)
MONTH = (
    "(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    "|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
)
ORDINAL = rf"(?:[0-9]{{1,2}}(?:st|nd|rd|th)|{ORDINAL_WORD})"
NTH = rf"({ORDINAL}|[0-9]{{1,2}}(?![:0-9]| ?[ap]\.?m\b))"
"""The number of a day beside a month."""
TOMORROW = "(?:tomorrow|tomorow|tommorow|tommorrow|tmrw|tmr)"
EACH = "(?:(?:every|each)(?: single)? )"
TO = "(?: ?- ?| to | through | thru | till | until )"
AND = "(?: ?[,/&] ?(?:and )?| and )"

_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]


def weekday_number(name: str) -> int:
    """1 for Monday to 7 for Sunday."""
    return _WEEKDAYS.index(name[:3]) + 1


def month_number(name: str) -> int:
    """1 for January to 12 for December."""
    return _MONTHS.index(name[:3]) + 1


def whole_part(word: str | None) -> p.Pieces:
    """The part of the day in "Friday afternoon", which holds for each clock said with it."""
    return () if word is None else (p.Part(PARTS[word], whole=True),)


def spans_in(
    text: str, token: str, value: Callable[[str], int | None]
) -> tuple[p.Span, ...] | None:
    """The ranges in a list such as "Mon-Wed and Friday"; None when something in it has no value."""
    spans: list[p.Span] = []
    end = 0
    for match in re.finditer(token, text):
        number = value(match[0])
        if number is None:
            return None
        ranging = re.search(r"(?:-|\b(?:to|through|thru|till|until)\b)", text[end : match.start()])
        spans.append((spans.pop()[0], number) if spans and ranging else (number, number))
        end = match.end()
    return tuple(spans)
