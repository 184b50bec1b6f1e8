"""Bank cards: the Luhn check and a range that issuers use (ISO/IEC 7812).

A number of 16 to 19 digits passes Luhn by chance one time in ten, so neither is enough alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from apps.core.masks.context import amount, another_number, glued, said_before
from apps.core.masks.found import Span
from apps.core.masks.numbers import Window

# UnionPay 62 and its members' older ranges, Visa, Mastercard, JCB, Amex, Discover, Maestro.
_RANGES = (
    (re.compile(r"62|81"), {16, 17, 18, 19}),
    (re.compile(r"9558|60(?:13|14)"), {16, 19}),
    (re.compile(r"4"), {16, 19}),
    (re.compile(r"5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720"), {16}),
    (re.compile(r"35(?:2[89]|[3-8])"), {16}),
    (re.compile(r"3[47]"), {15}),
    (re.compile(r"6011|65|64[4-9]"), {16}),
)
_WITH_WORD = ((re.compile(r"30[0-5]|3[689]"), {14}), (re.compile(r"5[0678]|6"), {16, 17, 18, 19}))
_SAYS_CARD = re.compile(r"(?i)(?:卡|账号|帐号|账户|card|account|acct)[^0-9]{0,10}$")
_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)


def find(text: str, windows: Iterable[Window]) -> Iterator[Span]:
    """Card numbers among the windows of a text."""
    for window in windows:
        if len(window.digits) < 14 or not luhn(window.digits) or not _written(window):
            continue
        said = _SAYS_CARD.search(said_before(text, window.start)) is not None
        if not (_issued(window.digits, _RANGES) or (said and _issued(window.digits, _WITH_WORD))):
            continue
        if glued(text, window.start, window.end) or amount(text, window.start, window.end):
            continue
        if said or not another_number(text, window.start):
            yield Span(window.start, window.end, "BANK_CARD")


def luhn(digits: str) -> bool:
    """The check of ISO/IEC 7812-1."""
    total = sum(map(int, digits[-1::-2])) + sum(_DOUBLED[int(one)] for one in digits[-2::-2])
    return total % 10 == 0


def _written(window: Window) -> bool:
    """In groups as people write them, and not a part of something longer."""
    if not window.gaps:
        return "." not in (window.after, window.before)
    following = window.after in window.gaps and len(window.following) != 4
    return min(window.sizes[:-1]) >= 3 and window.before not in window.gaps and not following


def _issued(digits: str, ranges: tuple[tuple[re.Pattern[str], set[int]], ...]) -> bool:
    return any(len(digits) in sizes and shape.match(digits) for shape, sizes in ranges)
