"""What a placeholder looks like: `⟦PHONE_1⟧`, and the ways in which models misspell it."""

from __future__ import annotations

import bisect
import functools
import re
import sys
from collections.abc import Iterator

from apps.core.masks.fold import fold
from apps.core.masks.found import KINDS, LITERAL

OPEN, CLOSE = "⟦", "⟧"
#: The longest that a placeholder may be, misspelt or not.
LONGEST = 48
_KIND = r"[A-Z][A-Z_]{1,19}"
_NUMBER = "[_ -]?[0-9]{1,6} ?"
_OPENERS = "⟦〚[【〔〖〘<《{"
_TAIL = re.compile(r"_[0-9]{1,6}(?![A-Za-z0-9_])")
_WORD = re.compile("[A-Za-z0-9_]")
_PARTS = re.compile(r"([A-Za-z][A-Za-z_ -]*?)[_ -]*([0-9]{1,6})")


def token(kind: str, number: int) -> str:
    """The placeholder of a kind and a number."""
    return f"{OPEN}{kind}_{number}{CLOSE}"


def is_kind(word: str) -> bool:
    """Can this be the kind of a placeholder?"""
    return re.fullmatch(_KIND, word) is not None and not word.endswith("_")


class Grammar:
    """What is read as a placeholder; `extra` are kinds beyond the usual ones.

    Our own brackets make one of any word; other brackets, and none at all, of known kinds only,
    and without brackets in capitals: `COVID_19` and a column `name_1` are none.
    """

    def __init__(self, extra: frozenset[str]) -> None:
        known = sorted({*KINDS, LITERAL, *extra}, key=len, reverse=True)
        self._known = tuple(known)
        loose = "|".join(known).replace("_", "[_ -]")
        named = rf" ?(?i:{loose}){_NUMBER}"
        self._bracketed = re.compile(
            rf"[⟦〚\[【〔〖〘<《{{](?:(?<=[⟦〚]) ?(?i:[A-Z][A-Z_ -]{{1,22}}?){_NUMBER}[⟧〛]"
            rf"|(?<=\[)\[{named}\]\]|(?<=\{{)\{{{named}\}}\}}|{named}[⟧〛\]】〕〗〙>》}}])"
        )

    def find(self, folded: str, start: int = 0) -> list[tuple[int, int]]:
        """The places of placeholders in a folded text, in order, from `start` on."""
        if "_" not in folded and not any(one in folded for one in _OPENERS):
            return []
        found = [match.span() for match in self._bracketed.finditer(folded, start)]
        bare = list(self._bare(folded, start))
        if not found or not bare:
            return found or bare
        return sorted({*found, *(one for one in bare if not _inside(one, found))})

    def _bare(self, folded: str, start: int) -> Iterator[tuple[int, int]]:
        for match in _TAIL.finditer(folded, start):
            for kind in self._known:
                begin = match.start() - len(kind)
                if begin >= start and folded.startswith(kind, begin):
                    if begin == 0 or not _WORD.match(folded[begin - 1]):
                        yield begin, match.end()
                    break


@functools.lru_cache(maxsize=64)
def grammar(extra: frozenset[str] = frozenset()) -> Grammar:
    """The grammar with these kinds besides the usual ones."""
    return Grammar(extra)


def _inside(one: tuple[int, int], found: list[tuple[int, int]]) -> bool:
    place = bisect.bisect_right(found, (one[0], sys.maxsize)) - 1
    return place >= 0 and one[0] < found[place][1]


#: The end of a text that may be the beginning of a placeholder, for whoever reads in pieces.
#: A word of capitals counts, since the brackets may be gone.
UNFINISHED = re.compile(
    r"(?:[⟦〚\[【〔〖〘<《{]{1,2} ?(?:[A-Za-z][A-Za-z_ -]{0,22}[0-9]{0,6} ?[\]}]?)?"
    r"|(?<![A-Za-z0-9_])[A-Z][A-Z_]{0,22}[0-9]{0,6})$"
)


def spelt(found: str) -> str:
    """The placeholder that a find of the `grammar` stands for."""
    parts = _PARTS.search(fold(found))
    if parts is None:  # the grammar finds nothing without a letter and a number
        return found
    kind = re.sub("[ -]+", "_", parts[1].upper()).strip("_")
    return token(kind, int(parts[2]))
