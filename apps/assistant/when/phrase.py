"""Understands a text that is a time phrase from its first character to its last."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import datetime

from apps.assistant.when.crontab import repetition
from apps.assistant.when.model import At, Every
from apps.assistant.when.moments import moment
from apps.assistant.when.pieces import Pieces
from apps.assistant.when.reader import Reader
from apps.assistant.when.slots import sort
from apps.assistant.when.text import normalise
from apps.assistant.when.wallclock import is_after, zone_of

LONGEST_PHRASE = 120
_POLITE_HEAD = re.compile("^(?:(?:please|pls|麻烦|劳驾|请|那就|那|就|在|于)[ ,]*)+")
_POLITE_TAIL = re.compile(
    "(?:[ ,.。!！，;]|please|pls|thanks|thank you|thx|吧|请|哦|啊|哈|呀|谢谢你?|多谢|好吗|可以吗)*$"
)
_INSTANT = re.compile(
    "20[0-9]{2}-[0-9]{2}-[0-9]{2}[t ][0-9]{2}:[0-9]{2}(?::[0-9]{2})?(?:z|[+-][0-9]{2}:[0-9]{2})"
)


def parse(text: str, now: datetime) -> At | Every | None:
    """What `text` means said at `now`, if the whole of it is one clear time phrase; otherwise None.

    Vague, impossible and past times are None, and so are rhythms that a crontab can't keep: never
    a guess. A day without a time of day is vague. A bare time that has gone by today is tomorrow's.
    Raises ValueError when `now` has no time zone.
    """
    zone_of(now)
    normal = normalise(text, LONGEST_PHRASE)
    if normal is None:
        return None
    phrase = _POLITE_TAIL.sub("", _POLITE_HEAD.sub("", normal.text))
    if _INSTANT.fullmatch(phrase):
        return _instant(phrase, now)
    return meaning(Reader(phrase), 0, len(phrase), now)


def meaning(reader: Reader, start: int, end: int, now: datetime) -> At | Every | None:
    """The one meaning of text[start:end]; None when its readings have none, or several."""
    meanings = {one for pieces in reader.readings(start, end) if (one := _mean(pieces, now))}
    return meanings.pop() if len(meanings) == 1 else None


def _instant(phrase: str, now: datetime) -> At | None:
    """A moment as programs write it, with its own distance from UTC."""
    with suppress(ValueError, OverflowError):
        time = datetime.fromisoformat(phrase.upper()).astimezone(zone_of(now))
        return At(time) if is_after(time, now) else None
    return None


def _mean(pieces: Pieces, now: datetime) -> At | Every | None:
    slots = sort(pieces)
    if slots is None:
        return None
    with suppress(OverflowError, ValueError):  # days beyond the calendar: 9000年后
        return repetition(slots) if slots.repeats else moment(slots, now)
    return None
