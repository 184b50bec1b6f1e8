"""Addresses as they are written in English: a number, a street, then perhaps more."""

from __future__ import annotations

import re
from collections.abc import Iterator

from apps.core.masks.context import said_before
from apps.core.masks.found import Span

_WORD = r"(?:[A-Z][A-Za-z'.-]{0,20}|[0-9]{1,3}(?:st|nd|rd|th))"
_SURE = (
    r"Street|St\.?|Avenue|Ave\.?|Road|Rd\.?|Boulevard|Blvd\.?|Lane|Ln\.?|Parkway|Pkwy\.?|"
    r"Highway|Hwy\.?|Terrace|Crescent|Cres\.?"
)
_MAYBE = r"Drive|Dr\.?|Court|Ct\.?|Way|Place|Pl\.?|Square|Sq\.?|Circle|Broadway"
_UNIT = (
    r"(?:Apt|Apartment|Suite|Ste|Unit|Room|Rm|Floor|Fl|Building|Bldg|Block|Flat|#)\.? ?"
    r"(?:No\.? ?)?[A-Za-z0-9-]{1,6}"
)
_ZIP = r"[0-9]{5}(?:-[0-9]{4})?|[A-Z]{1,2}[0-9][0-9A-Z]? [0-9][A-Z]{2}|[0-9]{6}"
_SHAPE = re.compile(
    rf"(?<![A-Za-z0-9.$-])(?:{_UNIT}, ?){{0,3}}(?:No\.? ?)?"
    rf"[0-9]{{1,6}}[A-Za-z]?,? (?:{_WORD} ){{1,4}}?"
    rf"(?:(?P<sure>{_SURE})|(?:{_MAYBE}))(?![A-Za-z])"
    r"(?: (?:North|South|East|West|[NSEW]{1,2})(?![A-Za-z]))?"
    rf"(?P<more>(?:,? {_UNIT}|, {_WORD}(?: {_WORD}){{0,2}}){{0,5}}"
    rf"(?:,? [A-Z]{{2}})?(?: (?:{_ZIP}))?)(?![A-Za-z])"
)
_BOX = re.compile(r"(?i:P\.? ?O\.? Box) [0-9]{1,6}")
_SAYS = re.compile(
    r"(?i)(?:address|live|lives|living|ship|deliver|send|mail|located|office|reside[sd]?|home|at|to)\b[^0-9\n]{0,16}$"
)


def find(text: str) -> Iterator[Span]:
    """Addresses in a folded text."""
    for match in _SHAPE.finditer(text):
        if match["sure"] or match["more"] or _SAYS.search(said_before(text, match.start())):
            yield Span(match.start(), match.end(), "ADDRESS")
    for match in _BOX.finditer(text):
        yield Span(match.start(), match.end(), "ADDRESS")
