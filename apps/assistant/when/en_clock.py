"""English words for the time of day: half past nine, 8 in the evening, noon."""

from __future__ import annotations

from apps.assistant.when.digits import AMPM, clock_of, half_of_day
from apps.assistant.when.en_words import PARTS, WORD_BY_WORD
from apps.assistant.when.numbers import HOUR_WORD, MINUTE_WORD, NUMBER_WORD, english
from apps.assistant.when.pieces import (
    BEYOND,
    MIDDAY,
    Clock,
    Hedge,
    Hours,
    Join,
    Opening,
    Part,
    Pieces,
)
from apps.assistant.when.rules import Match, Rules

RULES = Rules(around=WORD_BY_WORD)

_AT = "(?:at |@ ?)"
_HOUR = f"([0-9]{{1,2}}|{HOUR_WORD})"
_ROUND = "(?:five|ten|twenty(?:[ -]five)?)"
_MIDDAY = {"noon": Clock(12, 0, hours=MIDDAY), "midday": Clock(12, 0, hours=MIDDAY)}
_NAMED = _MIDDAY | {"midnight": Clock(0, 0)}
# "at 9 of the desks", "at 10 percent": there the number counts something.
_NOT_COUNTING = "(?! ?[%$:]|/| (?:of|percent|people|per|degrees|am|pm|[ap]\\.m)\\b|[-.,]?[0-9])"

for _word, _hours in PARTS.items():
    _lead = "at" if _word == "night" else "in the"
    RULES.always(f"{_lead} {_word}", (Part(_hours),))
for _word, _clock in _NAMED.items():
    RULES.always(f"{_AT}?(?:12 |twelve )?{_word}", (_clock,))
RULES.always("and|&|,(?: and)?", (Join.AND,))
RULES.always("to|till|until|through|thru|and|-", (Join.TO,))
RULES.always("from|between", (Opening(),))
RULES.always(
    "by|before|until|till|since|after|around|about|approximately|roughly|circa|within|except"
    "|excluding|not|no later than|starting|beginning|as of",
    (Hedge(),),
)


@RULES.rule(rf"(?:{_AT}|(?<=and )|(?<=, )|(?<=to )|(?<=from )|(?<=between )){_HOUR}{_NOT_COUNTING}")
def _bare_hour(match: Match) -> Pieces | None:
    return _said(match[1], 0)


@RULES.rule(rf"{_HOUR}(?= (?:in the|at night|o'?clock))")
def _hour_before_part(match: Match) -> Pieces | None:
    return _said(match[1], 0)


@RULES.rule(rf"{_AT}?{_HOUR} ?o'?clock")
def _o_clock(match: Match) -> Pieces | None:
    return _said(match[1], 0)


@RULES.rule(rf"{_AT}?({HOUR_WORD})(?: ({MINUTE_WORD}))?{AMPM}")
def _words_with_half(match: Match) -> Pieces | None:
    return _with_minutes(match, half_of_day(match))


@RULES.rule(rf"{_AT}({HOUR_WORD}) ({MINUTE_WORD})(?! (?:minutes?|hours?|seconds?|days?|people))")
def _words(match: Match) -> Pieces | None:
    return _with_minutes(match, None)


@RULES.rule(
    rf"{_AT}?(half|(?:a )?quarter|{_ROUND}|(?:[0-9]{{1,2}}|{NUMBER_WORD}) min(?:ute)?s?)"
    rf" (past|after|to|before|till) (?:{_HOUR}|(noon|midday|midnight))(?:{AMPM}| ?o'?clock)?"
)
@RULES.rule(rf"{_AT}?([0-9]{{1,2}}) (past) (?:{_HOUR}|(noon|midday|midnight)){AMPM}?")
def _beside_the_hour(match: Match) -> Pieces | None:
    minutes = _minutes(match[1])
    if minutes is None or not 0 < minutes < 60:
        return BEYOND
    signed = minutes if match[2] in ("past", "after") else -minutes
    if match[4]:
        named = _NAMED[match[4]]
        return (Clock(named.hour, signed, hours=named.hours),)
    hour = english(match[3])
    if hour is None or hour > 24 or (match[1] == "half" and signed < 0):
        return BEYOND
    return (Clock(hour, signed, hours=half_of_day(match)),)


def _minutes(words: str) -> int | None:
    if words == "half":
        return 30
    return 15 if words.endswith("quarter") else english(words.split(" min")[0])


def _with_minutes(match: Match, hours: Hours | None) -> Pieces | None:
    minutes = english((match[2] or "zero").removeprefix("oh").strip(" -"))
    return None if minutes is None else _said(match[1], minutes, hours)


def _said(word: str, minute: int, hours: Hours | None = None) -> Pieces | None:
    hour = english(word)
    padded = len(word) == 2 and word[0] == "0"
    return None if hour is None else clock_of(hour, minute, padded=padded, hours=hours)
