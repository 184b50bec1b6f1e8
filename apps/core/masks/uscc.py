"""Unified social credit codes: 18 characters with a check character (GB 32100-2015)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from apps.core.masks.context import said_before
from apps.core.masks.found import Span

ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_VALUES = {one: value for value, one in enumerate(ALPHABET)}
_WEIGHTS = tuple(3**place % 31 for place in range(17))
_SHAPE = re.compile(
    r"(?<![A-Za-z0-9])[1-9ANYany][-. ]?[1-59](?:[-. ]?[0-9]){6}"
    r"(?:[-. ]?[0-9A-HJ-NP-RTUWXYa-hj-np-rtuwxy]){10}"
    r"(?![A-Za-z0-9])"
)
_SAYS = re.compile(
    r"(?i)(?:信用代码|信用码|税号|纳税人|识别号|uscc|credit code|tax (?:id|no))[^0-9A-Za-z]{0,12}$"
)


def find(text: str) -> Iterator[Span]:
    """Credit codes. One of digits only, or spelt in parts, needs a word that says so."""
    for match in _SHAPE.finditer(text):
        code = re.sub(r"[-. ]", "", match.group())
        plain = code == match.group() and code == code.upper() and not code.isdigit()
        if not valid(code.upper()):
            continue
        if plain or _SAYS.search(said_before(text, match.start())):
            yield Span(match.start(), match.end(), "CN_USCC")


def valid(code: str) -> bool:
    """Does the last character fit the 17 before it?"""
    total = sum(_VALUES[one] * weight for one, weight in zip(code, _WEIGHTS, strict=False))
    return ALPHABET[(31 - total % 31) % 31] == code[17]
