"""Cuts text into pieces in every way that the rules allow; says nothing about what they mean."""

from __future__ import annotations

import re
from collections.abc import Iterator

from apps.assistant.when import (
    digits,
    en_clock,
    en_dates,
    en_repeat,
    en_spells,
    zh_clock,
    zh_dates,
    zh_repeat,
)
from apps.assistant.when.pieces import Join, Opening, Pieces

_BOOKS = (
    digits.RULES,
    zh_dates.RULES,
    zh_clock.RULES,
    zh_repeat.RULES,
    en_dates.RULES,
    en_clock.RULES,
    en_repeat.RULES,
    en_spells.RULES,
)
_GLUE = re.compile("[ ,()的]{0,3}")
_ANY = re.compile("|".join(pattern for book in _BOOKS for pattern in book.patterns))
_MOST_STEPS = 400


class Reader:
    """Reads one normalised text; what the rules find at a place is found only once."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._seen: dict[int, list[tuple[Pieces, int]]] = {}

    def options(self, start: int) -> list[tuple[Pieces, int]]:
        """The pieces that may begin at `start`, each with where it ends."""
        if start not in self._seen:
            self._seen[start] = [found for book in _BOOKS for found in book.at(self.text, start)]
        return self._seen[start]

    def after(self, end: int) -> tuple[int, ...]:
        """Where the next piece may begin when one has ended: here, or behind a comma or 的."""
        glue = _GLUE.match(self.text, end)
        behind = glue.end() if glue else end
        return (end,) if behind == end else (end, behind)

    def first(self, start: int) -> int | None:
        """The next place from `start` on where a rule matches."""
        match = _ANY.search(self.text, start)
        return match.start() if match else None

    def readings(self, start: int, end: int) -> Iterator[Pieces]:
        """Every way to cut the whole of text[start:end] into pieces; gives up on tangles."""
        steps = 0
        stack: list[tuple[int, Pieces]] = [(start, ())]
        while stack and steps < _MOST_STEPS:
            steps += 1
            place, so_far = stack.pop()
            for pieces, stop in self.options(place):
                if stop > end:
                    continue
                if self._done(stop, end):
                    yield so_far + pieces
                stack.extend((begin, so_far + pieces) for begin in self.after(stop) if begin < end)

    def reach(self, start: int) -> tuple[int, list[Pieces]]:
        """How far pieces go without a break from `start`, and all that were met on the way.

        Words that only join two pieces are nothing at the end: 明天9点和张三开会.
        """
        farthest = start
        met: list[Pieces] = []
        seen = {start}
        todo = [start]
        while todo:
            place = todo.pop()
            for pieces, stop in self.options(place):
                if not all(isinstance(piece, Join | Opening) for piece in pieces):
                    farthest = max(farthest, stop)
                    met.append(pieces)
                fresh = set(self.after(stop)) - seen
                seen |= fresh
                todo.extend(fresh)
        return farthest, met

    def _done(self, stop: int, end: int) -> bool:
        return not self.text[stop:end].strip(" ,()的")
