"""Identity cards: 18 characters with a check digit (GB 11643-1999), and the old ones of 15."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import date

from apps.core.masks.context import another_number, glued, said_before
from apps.core.masks.found import Span
from apps.core.masks.numbers import Window

_PROVINCES = frozenset(
    {
        *("11", "12", "13", "14", "15", "21", "22", "23", "31", "32", "33", "34", "35", "36", "37"),
        *("41", "42", "43", "44", "45", "46", "50", "51", "52", "53", "54", "61", "62", "63", "64"),
        *("65", "71", "81", "82", "83"),
    }
)
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECKS = "10X98765432"
_X = re.compile(r"[-. ]?[Xx](?![A-Za-z0-9])")
_SAYS_ID = re.compile(r"(?i)(?:身份证|证件|id ?card|id ?no|identity|\bsfz)[^0-9]{0,10}$", re.ASCII)


def find(text: str, windows: Iterable[Window]) -> Iterator[Span]:
    """Identity numbers among the windows of a text."""
    for window in windows:
        digits = window.digits
        if len(digits) == 18 and valid(digits):
            yield Span(window.start, window.end, "CN_ID")
        elif len(digits) == 17:
            letter = _X.match(text, window.end)
            if letter and valid(digits + "X"):
                yield Span(window.start, letter.end(), "CN_ID")
        elif len(digits) == 15 and not window.gaps and _old(text, window):
            yield Span(window.start, window.end, "CN_ID")


def valid(number: str) -> bool:
    """Region, birthday and check digit of an 18-character number, with a capital X."""
    if number[:2] not in _PROVINCES or not _day(number[6:14]):
        return False
    total = sum(int(one) * weight for one, weight in zip(number, _WEIGHTS, strict=False))
    return _CHECKS[total % 11] == number[17]


def _old(text: str, window: Window) -> bool:
    digits = window.digits
    if digits[:2] not in _PROVINCES or "00" in (digits[2:4], digits[4:6]):
        return False
    if not _day("19" + digits[6:12]) or glued(text, window.start, window.end):
        return False
    if _SAYS_ID.search(said_before(text, window.start)):
        return True
    return not another_number(text, window.start)


def _day(digits: str) -> bool:
    try:
        found = date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return False
    return 1880 <= found.year <= 2100
