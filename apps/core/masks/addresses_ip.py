"""IPv4 and IPv6 addresses; versions, object ids and times of day are none."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

from apps.core.masks.context import said_before
from apps.core.masks.found import Span

_BYTE = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_V4 = re.compile(rf"(?<![0-9A-Za-z_])(?<![0-9]\.)(?:{_BYTE}\.){{3}}{_BYTE}(?![0-9A-Za-z_]|\.[0-9])")
_V6 = re.compile(r"(?<![0-9A-Za-z_:.])[0-9A-Fa-f:]{3,39}(?:(?:\.[0-9]{1,3}){3})?(?![0-9A-Za-z_:])")
_FIRST = re.compile(r"[0-9A-Fa-f]{4}:")
_VERSION = re.compile(
    r"(?i)(?:版本号?|version|ver\.?|release|build|内核|kernel|固件|firmware|linux|android|chrome|firefox|redis|nginx|mysql|java|python)[\s:=]{0,3}v?$"
)


def find(text: str) -> Iterator[Span]:
    """Addresses of a folded text, without port or prefix length."""
    if "." in text:
        for match in _V4.finditer(text):
            if not _VERSION.search(said_before(text, match.start(), 12)):
                yield Span(match.start(), match.end(), "IP")
    if ":" in text:
        for match in _V6.finditer(text):
            if match.group().count(":") > 1 and _v6(match.group()):
                yield Span(match.start(), match.end(), "IP")


def _v6(word: str) -> bool:
    parts = [part for part in word.split(":") if part]
    # `a::b` may be code: it takes three groups, or a first one as prefixes have it.
    if len(parts) < 3 and not (len(parts) == 2 and _FIRST.match(word)):
        return False
    try:
        ipaddress.IPv6Address(word)
    except ValueError:
        return False
    return True
