"""Passports and travel permits, which only a word before or after tells from a model's number."""

from __future__ import annotations

import re
from collections.abc import Iterator

from apps.core.masks.found import Span

_WORD = r"护照|通行证|回乡证|台胞证|旅行证|passport|travel (?:permit|document)"
_NUMBER = r"(?<![A-Za-z0-9])(?P<number>[A-Z]{1,2} ?[0-9]{6,9}|[0-9]{8,9})(?![A-Za-z0-9])"
_AFTER = re.compile(
    rf"(?i:{_WORD})(?i:号码|编号|号|[\s.:#=\"'()]|number|num|no|is|是|为|the|holder|chinese|中国){{0,12}}{_NUMBER}"
)
_BEFORE = re.compile(
    r"(?<![A-Za-z0-9])(?P<number>[A-Z]{1,2}[0-9]{7,8})(?![A-Za-z0-9])"
    rf"[\s(\[]{{0,3}}(?:是|为|is)?(?:我的|他的|她的|[\s]|my |a |his |her ){{0,3}}(?i:{_WORD})"
)


def find(text: str) -> Iterator[Span]:
    """Numbers of passports in a folded text."""
    for shape in (_AFTER, _BEFORE):
        for match in shape.finditer(text):
            yield Span(match.start("number"), match.end("number"), "PASSPORT")
