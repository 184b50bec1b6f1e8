"""Number plates of vehicles (GA 36), the longer ones of electric cars included."""

from __future__ import annotations

import re
from collections.abc import Iterator

from apps.core.masks.context import said_before
from apps.core.masks.found import Span

_LETTER, _ANY = "A-HJ-NP-Za-hj-np-z", "A-HJ-NP-Za-hj-np-z0-9"
_SHAPE = re.compile(
    rf"[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼使][{_LETTER}][·. -]?"
    rf"(?:[DFdf][{_ANY}][0-9]{{4}}|[0-9]{{5}}[DFdf]|[{_ANY}]{{4}}[{_ANY}挂学警港澳领使])"
    r"(?![A-Za-z0-9])"
)
_WORD_BEFORE = re.compile(
    r"(?:全|最|更|创|重|崭|刷|翻|上|革|如|白)(?=新)|(?:阿里|腾讯|华为|天翼|百度|上|多)(?=云)"
)
_MODEL = re.compile(r" ?(?:型|款|版|系列|号文|股)")
_SAYS = re.compile(r"(?i)(?:车牌|牌照|车号|plate)[^A-Za-z0-9]{0,8}$")


def find(text: str) -> Iterator[Span]:
    """Plates of a folded text: three digits at least."""
    for match in _SHAPE.finditer(text):
        if sum(one.isdigit() for one in match.group()) < 3:
            continue
        before = said_before(text, match.start(), 12)
        word = _WORD_BEFORE.search(before[-2:] + match.group()[0])
        if (word or _MODEL.match(text, match.end())) and not _SAYS.search(before):
            continue
        yield Span(match.start(), match.end(), "PLATE")
