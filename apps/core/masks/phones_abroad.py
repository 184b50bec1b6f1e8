"""Phones with a country code (ITU-T E.164), and those of North America as they write them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from apps.core.masks.context import another_number, said_before
from apps.core.masks.found import Span
from apps.core.masks.phones import says_phone

#: How many digits follow a country code: least, most.
_LENGTHS = {
    "1": (10, 10), "7": (10, 10), "31": (9, 9), "33": (9, 9), "34": (9, 9), "39": (8, 11),
    "41": (9, 9), "44": (9, 10), "46": (7, 9), "49": (8, 11), "55": (10, 11), "60": (8, 10),
    "61": (9, 9), "62": (8, 12), "63": (8, 10), "64": (8, 10), "65": (8, 8), "66": (8, 9),
    "81": (9, 10), "82": (8, 10), "84": (9, 10), "86": (10, 11), "91": (10, 10), "852": (8, 8),
    "853": (8, 8), "886": (8, 9), "971": (8, 9),
}  # fmt: skip
_ANY = (8, 12)
_PREFIX = re.compile(r"(?<![0-9A-Za-z.+])(?:\(?\+ ?(?=[1-9])|(?P<zeros>00)(?=[1-9]))")
_PART = re.compile(r"[- .]{0,2}\(?([0-9]{1,12})\)?")
_AMERICA = re.compile(
    r"(?<![0-9A-Za-z.+-])(?:(?P<bracket>\([2-9][0-9]{2}\)) ?|(?:1[- .])?[2-9][0-9]{2}[-. ])"
    r"[2-9][0-9]{2}[-. ][0-9]{4}(?![0-9A-Za-z]|[-.][0-9])"
)
_FREE = re.compile(r"\(?[48]00|1?[-. ]?8[0-9]{2}")
_WORDS = re.compile(
    r"(?i)(?:call|phone|tel|mobile|cell|fax|dial|contact|电话|手机|致电|拨打)[^0-9]{0,20}$"
)


def find(text: str) -> Iterator[Span]:
    """Foreign phones of a folded text."""
    if "+" in text or "00" in text:
        for prefix in _PREFIX.finditer(text):
            end = _end(text, prefix.end(), prefix["zeros"] is not None)
            if end and not (prefix["zeros"] and another_number(text, prefix.start())):
                yield Span(prefix.start(), end, "PHONE")
    for match in _AMERICA.finditer(text):
        if _FREE.match(match.group()) or another_number(text, match.start()):
            continue
        if match["bracket"] or _WORDS.search(said_before(text, match.start())):
            yield Span(match.start(), match.end(), "PHONE")


def _end(text: str, start: int, zeros: bool) -> int:
    """Where the number that starts with its country code ends; 0 for no number."""
    code = next(
        (text[start : start + n] for n in (3, 2, 1) if text[start : start + n] in _LENGTHS), ""
    )
    if not code and (zeros or not text[start : start + 2].isdigit()):
        return 0
    least, most = _LENGTHS.get(code, _ANY)
    code = code or text[start : start + 2]
    place = start + len(code)
    place += text[place : place + 1] == ")"
    joined = (
        zeros and text[place : place + 1] not in {"-", " "} and code not in {"852", "853", "886"}
    )
    if joined and not says_phone(text, start - 2):
        return 0
    return _digits(text, place, least, most)


def _digits(text: str, place: int, least: int, most: int) -> int:
    total = end = 0
    # A national 0 in brackets is not counted: +44 (0)20 7946 0958.
    if text[place : place + 4].lstrip().startswith("(0)"):
        place = text.index("(0)", place) + 3
    while total < most and (part := _PART.match(text, place)):
        if total + len(part[1]) > most:
            break
        total, place, end = total + len(part[1]), part.end(), part.end(1)
        if text[end : end + 1] == ")" and "(" in part.group():
            end += 1
    following = text[end : end + 1]
    if total < least or following.isdigit() or (following.isascii() and following.isalpha()):
        return 0
    return end
