"""Phones of mainland China: mobile and landline, with or without +86, in any usual grouping."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from apps.core.masks.context import amount, another_number, glued, said_before
from apps.core.masks.found import Span
from apps.core.masks.numbers import Window

_COUNTRY = re.compile(r"(?<![0-9A-Za-z.])(?:\(\+?86\)|\+? ?86|0086|\+\(86\))[- ]{0,2}\(?$")
_MOBILE = re.compile(r"1[3-9]")
_AREA = r"(?:10|2[0-57-9]|[3-9][0-9]{2})"
_LANDLINE = re.compile(
    rf"(?<![0-9A-Za-z.+-])(?:(?P<joined>0{_AREA})|\(0{_AREA}\) ?|0{_AREA}(?: ?[- ] ?))"
    r"(?P<own>[1-9][0-9]{6,7}|[1-9][0-9]{2,3}[- ][0-9]{4})"
    r"(?:-[0-9]{1,5})?(?![0-9A-Za-z]|[-.][0-9])"
)
_SAYS_PHONE = re.compile(
    r"(?i)(?:电话|座机|固话|致电|拨打|拨|打给|传真|热线|号码|手机|联系方式|tel|telephone|phone|fax|call|contact|dial)"
    r"(?:号码|号| ?(?:number|no\.?))?[\s:=\"'(]*(?:(?:是|为|is|at)[\s:]*)?$",
    re.ASCII,
)
_LOCAL = re.compile(r"[2-9][0-9]{2,3}[- ]?[0-9]{4}(?![0-9A-Za-z]|[-. ][0-9])")
_LABEL = re.compile(
    r"(?i)(?:电话|座机|固话|传真|tel|phone|fax)(?:号码|号)?[ .:]{0,3}(?:[是为] ?)?(?=[2-9])",
    re.ASCII,
)


def find(text: str, windows: Iterable[Window]) -> Iterator[Span]:
    """Phones of a folded text and its windows."""
    for window in windows:
        if len(window.digits) == 11 and _MOBILE.match(window.digits) and _mobile(text, window):
            yield Span(_with_country(text, window.start), window.end, "PHONE")
        elif len(window.digits) == 13 and window.digits.startswith("861") and _joined(text, window):
            plus = text[window.start - 1 : window.start] == "+"
            yield Span(window.start - plus, window.end, "PHONE")
    if "0" in text:
        yield from _landlines(text)
    yield from _locals(text)


def says_phone(text: str, start: int) -> bool:
    """Does the word right before announce a phone?"""
    return _SAYS_PHONE.search(said_before(text, start)) is not None


def _mobile(text: str, window: Window) -> bool:
    start = _with_country(text, window.start)
    country = start != window.start
    if not country and (glued(text, window.start, window.end) or _numbered(text, start)):
        return False
    if window.gaps and not _grouped(window, country):
        return False
    if not window.gaps and (window.after == "." or window.before == "."):
        return False
    if text[window.end : window.end + 1].isascii() and text[window.end : window.end + 1].isalpha():
        return False
    return not another_number(text, start) and not amount(text, window.start, window.end)


def _numbered(text: str, start: int) -> bool:
    """`#13800138000` counts something."""
    return text[start - 1 : start] == "#"


def _grouped(window: Window, country: bool) -> bool:
    if min(window.sizes) < 3 or len(set(window.gaps)) > 1:
        return False
    again = _MOBILE.match(window.following) is not None
    before = window.before in window.gaps and not country and window.before != " "
    return not before and (window.after not in window.gaps or again)


def _joined(text: str, window: Window) -> bool:
    if window.gaps or not _MOBILE.match(window.digits[2:]):
        return False
    return not glued(text, window.start, window.end) and not another_number(text, window.start)


def _with_country(text: str, start: int) -> int:
    found = _COUNTRY.search(said_before(text, start, 10))
    return start - len(found.group()) if found else start


def _landlines(text: str) -> Iterator[Span]:
    for match in _LANDLINE.finditer(text):
        if match["joined"] and not says_phone(text, match.start()):
            continue
        if not another_number(text, match.start()):
            yield Span(_with_country(text, match.start()), match.end(), "PHONE")


def _locals(text: str) -> Iterator[Span]:
    """Seven or eight digits right after the word: 电话 62345678."""
    for label in _LABEL.finditer(text):
        match = _LOCAL.match(text, label.end())
        if match and not amount(text, match.start(), match.end()):
            yield Span(match.start(), match.end(), "PHONE")
