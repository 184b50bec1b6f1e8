"""Cuts text into pieces in every way that the rules allow; says nothing about what they mean."""

from __future__ import annotations

import re

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
from apps.assistant.when.pieces import Hedge, Join, Opening, Pieces
from apps.assistant.when.rules import Rules

_CHINESE = (zh_dates.RULES, zh_clock.RULES, zh_repeat.RULES)
_ENGLISH = (en_dates.RULES, en_clock.RULES, en_repeat.RULES, en_spells.RULES)
_EITHER = (digits.RULES,)
_GLUE = re.compile("[ ,()的]{0,3}")
_BEGIN = re.compile("[0-9@\u4e00-\u9fff]|(?<![a-z0-9])[a-z]")
_MOST_STEPS = 400


class Reader:
    """Reads one normalised text; what the rules find at a place is found only once."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._seen: dict[int, list[tuple[Pieces, int]]] = {}

    def options(self, start: int) -> list[tuple[Pieces, int]]:
        """The pieces that may begin at `start`, each with where it ends."""
        if start not in self._seen:
            books = _books(self.text[start : start + 1])
            self._seen[start] = [found for book in books for found in book.at(self.text, start)]
        return self._seen[start]

    def after(self, end: int) -> tuple[int, ...]:
        """Where the next piece may begin when one has ended: here, or behind a comma or 的."""
        glue = _GLUE.match(self.text, end)
        behind = glue.end() if glue else end
        return (end,) if behind == end else (end, behind)

    def first(self, start: int) -> int | None:
        """The next place from `start` on where a piece begins."""
        places = (match.start() for match in _BEGIN.finditer(self.text, start))
        return next(filter(self.options, places), None)

    def readings(self, start: int, end: int) -> list[Pieces]:
        """Every way to cut the whole of text[start:end] into pieces; none at all for a tangle."""
        found: list[Pieces] = []
        stack: list[tuple[int, Pieces]] = [(start, ())]
        alive = self._alive(start, end)
        for _ in range(_MOST_STEPS):
            if not stack:
                return found
            place, so_far = stack.pop()
            if place == end:
                found.append(so_far)
            for pieces, stop in self.options(place) if place < end else ():
                nexts = {begin for begin in self._nexts(stop, end) if begin in alive}
                stack.extend((begin, so_far + pieces) for begin in nexts)
        return []

    def _alive(self, start: int, end: int) -> set[int]:
        """The places from which pieces lead to the very end."""
        ways: dict[int, set[int]] = {}
        todo = [start]
        while todo:
            place = todo.pop()
            if place in ways or place >= end:
                continue
            stops = {stop for _, stop in self.options(place)}
            ways[place] = {begin for stop in stops for begin in self._nexts(stop, end)}
            todo.extend(ways[place])
        alive = {end}
        for place in sorted(ways, reverse=True):
            if ways[place] & alive:
                alive.add(place)
        return alive

    def _nexts(self, stop: int, end: int) -> set[int]:
        if stop > end:
            return set()
        return {end} if not self.text[stop:end].strip(" )") else set(self.after(stop)) - {end}

    def reach(self, start: int) -> tuple[int, int]:
        """How far pieces go without a break from `start`, and from where on to look for the next.

        A word that joins pieces neither begins a phrase nor ends one: 明天9点 in 明天9点和张三开会.
        """
        farthest = passed = start
        if all(_joins(pieces) for pieces, _ in self.options(start)):
            return start, start
        seen = {start}
        todo = [start]
        while todo:
            place = todo.pop()
            for pieces, stop in self.options(place):
                if not all(isinstance(piece, Join | Opening | Hedge) for piece in pieces):
                    farthest = max(farthest, stop)
                passed = max(passed, stop)
                fresh = set(self.after(stop)) - seen
                seen |= fresh
                todo.extend(fresh)
        return farthest, passed


def _books(char: str) -> tuple[Rules, ...]:
    """The rules for pieces that begin with this character; none at the end of a text."""
    if not char:
        return ()
    if char.isascii():
        return _EITHER + _ENGLISH if char.isalpha() else _EITHER + _ENGLISH + _CHINESE
    return _CHINESE


def _joins(pieces: Pieces) -> bool:
    return all(isinstance(piece, Join) for piece in pieces)
