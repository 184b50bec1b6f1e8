"""Splits a sentence into runs of pieces, of which one may be the time phrase."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from apps.assistant.when.numbers import HAN_NUMBER
from apps.assistant.when.pieces import Clock, Interval, Offset, Piece
from apps.assistant.when.reader import Reader

TELLING: set[type[Piece]] = {Clock, Offset, Interval}
"""What a run must have to be more than a date or a word beside one."""
_NUMERAL = re.compile(f"[0-9.:/第百千万亿-]|{HAN_NUMBER}")


@dataclass(frozen=True, slots=True)
class Run:
    """Pieces without a break between them, as far as they go."""

    start: int
    end: int
    pieces: frozenset[Piece]

    def has(self, *kinds: type[Piece]) -> bool:
        """True when one of these kinds of pieces is in it."""
        return any(isinstance(piece, kinds) for piece in self.pieces)


def runs_of(reader: Reader) -> Iterator[Run]:
    """The runs of a text from left to right; none overlaps another."""
    place = reader.first(0)
    while place is not None:
        end, passed = reader.reach(place)
        if end > place and _whole_number(reader.text, place, end):
            readings = reader.readings(place, end)
            telling = [pieces for pieces in readings if TELLING & set(map(type, pieces))]
            pieces = (piece for some in telling or readings for piece in some)
            yield Run(place, end, frozenset(pieces))
        place = reader.first(max(passed, place + 1))


def _whole_number(text: str, start: int, end: int) -> bool:
    """False when the run is cut out of a longer number or word."""
    before, first = text[max(0, start - 1) : start], text[start]
    if before and _NUMERAL.fullmatch(first) and (_NUMERAL.fullmatch(before) or before in "$¥€£v#"):
        return False
    if before.isascii() and before.isalnum() and first.isascii() and first.isalnum():
        return False
    last_is_latin = text[end - 1].isascii() and text[end - 1].isalnum()
    return not (last_is_latin and re.match("[a-z0-9]|-[a-z]", text[end : end + 2]))
