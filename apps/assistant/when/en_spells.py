"""English words for spells of time: in half an hour, two weeks from now, 20 minutes later."""

from __future__ import annotations

import re
from fractions import Fraction

from apps.assistant.when.en_words import WORD_BY_WORD
from apps.assistant.when.numbers import NUMBER_WORD, english
from apps.assistant.when.pieces import BEYOND, Pieces
from apps.assistant.when.rules import Match, Rules
from apps.assistant.when.spells import DAY, HOUR, MINUTE, offset_of

RULES = Rules(around=WORD_BY_WORD)

_SECONDS = {
    "s": 1,
    "mi": MINUTE,
    "h": HOUR,
    "d": DAY,
    "w": 7 * DAY,
    "f": 14 * DAY,
}
_MONTHS = {"mo": 1, "y": 12}
_FRACTIONS = {
    "half": Fraction(1, 2),
    "half a": Fraction(1, 2),
    "half an": Fraction(1, 2),
    "a half": Fraction(1, 2),
    "a quarter of an": Fraction(1, 4),
    "quarter of an": Fraction(1, 4),
    "three quarters of an": Fraction(3, 4),
}
_UNIT = (
    "(?:seconds?|secs?|minutes?|mins?|hours?|hrs?|h|days?|weeks?|wks?|fortnights?"
    "|months?|years?|yrs?)"
)
_NUMBER = rf"[0-9]{{1,5}}(?:\.[0-9]{{1,2}})?|{NUMBER_WORD}|an?"
_COUNT = rf"(?:{'|'.join(sorted(_FRACTIONS, key=len, reverse=True))}|(?:{_NUMBER})(?: and a half)?)"
_TERM = rf"{_COUNT}[ -]?{_UNIT}"
_TERMS = re.compile(rf"({_COUNT})[ -]?({_UNIT})(?: and an? (half|quarter))?")
_SPELL = rf"({_TERM}(?:(?: and |, ?(?:and )?| ){_TERM}){{0,3}}(?: and an? (?:half|quarter))?)"


@RULES.rule(rf"in {_SPELL}(?:'s?)?(?: time| from now)?")
@RULES.rule(rf"after {_SPELL}")
@RULES.rule(rf"{_SPELL} (?:from now|from today|later|hence)")
def _later(match: Match) -> Pieces | None:
    return _spell(match[1], 1)


@RULES.rule(r"in ([0-9]{1,2}) ?h ?([0-9]{1,2}) ?m(?:ins?)?")
def _compact(match: Match) -> Pieces:
    return offset_of(Fraction(0), Fraction(int(match[1]) * HOUR + int(match[2]) * MINUTE), 1)


@RULES.rule(rf"{_SPELL} (?:before|earlier|early|beforehand|ahead|in advance)")
def _ago(match: Match) -> Pieces | None:
    return _spell(match[1], -1)


RULES.always(rf"{_SPELL} ago", BEYOND)
RULES.always(
    r"in (?:a few|a couple of|a couple|several|some|a while)"
    rf"(?: {_UNIT})?|(?:few|couple of|several) {_UNIT} (?:from now|later)"
    rf"|in (?:{_NUMBER}) (?:business|working|work) days?|in an? (?:second|sec|moment)",
    BEYOND,
)


def _spell(text: str, sign: int) -> Pieces | None:
    """The spell of time that the text adds up to; None when a word in it is no number."""
    months, seconds = Fraction(0), Fraction(0)
    for count, unit, more in _TERMS.findall(text):
        number = _amount(count)
        if number is None or text in ("a second", "a sec"):
            return None
        number += {"half": Fraction(1, 2), "quarter": Fraction(1, 4), "": Fraction(0)}[more]
        kind = next(k for k in (*_MONTHS, *_SECONDS) if unit.startswith(k))
        if kind in _MONTHS:
            months += number * _MONTHS[kind]
        else:
            seconds += number * _SECONDS[kind]
    return offset_of(months, seconds, sign)


def _amount(count: str) -> Fraction | None:
    if count in _FRACTIONS:
        return _FRACTIONS[count]
    words, half, _ = count.partition(" and a half")
    number = Fraction(words) if "." in words else english(words)
    return None if number is None else number + Fraction(bool(half), 2)
