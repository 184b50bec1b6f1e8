"""Runs of digits with what may stand between them: `138 0013 8000`, `440306-19851212-0229`."""

from __future__ import annotations

import itertools
import re
import sys
from collections.abc import Iterator
from typing import NamedTuple

_DIGITS = re.compile(r"[0-9]+")
_FAR = (sys.maxsize, 0)
_NO_DIGIT = re.compile(r"[^0-9]")
_ONE_BY_ONE = 10
_GAP = re.compile(r" ?[-. ] ?")
_ALONE = re.compile(
    r"(?<![0-9])(?<![0-9][-. ])[0-9](?:([-. ])[0-9](?:\1[0-9]){9,17})(?![-. ]?[0-9])"
)
MOST = 19
_SIZES = frozenset({11, 13, 14, 15, 16, 17, 18, 19})


class Group(NamedTuple):
    """Digits in a row; `gap` stands before the next group, "" when that is not near."""

    start: int
    end: int
    digits: str
    gap: str


class Window(NamedTuple):
    """Some groups in a row, seen as one number. `before` and `after` are the gaps around it."""

    start: int
    end: int
    digits: str
    sizes: tuple[int, ...]
    gaps: tuple[str, ...]
    before: str
    after: str
    following: str

    @property
    def whole(self) -> bool:
        """Is it more than a part of a longer number that is written in the same way?"""
        return not self.gaps or (self.before not in self.gaps and self.after not in self.gaps)


def groups(text: str) -> list[Group]:
    """The groups of a folded text. Digits that are spelt one by one are one group."""
    places = [match.span() for match in _DIGITS.finditer(text)]
    if len(places) > _ONE_BY_ONE:
        places = _merged(text, places)
    found: list[Group] = []
    # Behind the last group there is no gap.
    for (start, end), (following, _) in itertools.zip_longest(places, places[1:], fillvalue=_FAR):
        gap = text[end:following] if following - end <= 3 else ""
        found.append(Group(start, end, _NO_DIGIT.sub("", text[start:end]), _gap(gap)))
    return found


def _merged(text: str, places: list[tuple[int, int]]) -> list[tuple[int, int]]:
    alone = {match.start(): match.end() for match in _ALONE.finditer(text)}
    kept: list[tuple[int, int]] = []
    for start, end in places if alone else ():
        if not kept or start >= kept[-1][1]:
            kept.append((start, alone.get(start, end)))
    return kept or places


def _gap(between: str) -> str:
    return between if between and _GAP.fullmatch(between) else ""


def windows(text: str, found: list[Group]) -> Iterator[Window]:
    """The windows that may be a phone, a card or an identity number.

    In groups of fewer than three digits only the last of these is written, so that little is
    looked at where many short numbers stand in a row.
    """
    before = ""
    for first, group in enumerate(found):
        if len(group.digits) <= MOST:
            yield from _from(text, found, first, before)
        before = group.gap


def _from(text: str, found: list[Group], first: int, before: str) -> Iterator[Window]:
    total, last, short = 0, first, False
    while last < len(found):
        group = found[last]
        total += len(group.digits)
        if total > MOST:
            return
        if total in _SIZES and (not short or total == 18 or _letter(text, total, group)):
            yield _window(found, first, last, before)
        if not group.gap or len(group.digits) < 2:
            return
        short = short or len(group.digits) < 3
        last += 1


def _letter(text: str, total: int, group: Group) -> bool:
    return total == 17 and "x" in text[group.end : group.end + 2].lower()


def _window(found: list[Group], first: int, last: int, before: str) -> Window:
    inside = found[first : last + 1]
    following = found[last + 1].digits if found[last].gap else ""
    return Window(
        inside[0].start, inside[-1].end, "".join(one.digits for one in inside),
        tuple(len(one.digits) for one in inside), tuple(one.gap for one in inside[:-1]),
        before, inside[-1].gap, following,
    )  # fmt: skip
