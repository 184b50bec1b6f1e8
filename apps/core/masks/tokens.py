"""What a placeholder looks like: `⟦PHONE_1⟧`, and the ways in which models misspell it."""

from __future__ import annotations

import functools
import re

from apps.core.masks.fold import fold
from apps.core.masks.found import KINDS, LITERAL

OPEN, CLOSE = "⟦", "⟧"
#: The longest that a placeholder may be, misspelt or not.
LONGEST = 48
_KIND = r"[A-Z][A-Z_]{1,19}"
_PARTS = re.compile(r"([A-Za-z][A-Za-z_ -]*?)[_ -]*([0-9]{1,6})")


def token(kind: str, number: int) -> str:
    """The placeholder of a kind and a number."""
    return f"{OPEN}{kind}_{number}{CLOSE}"


def is_kind(word: str) -> bool:
    """Can this be the kind of a placeholder?"""
    return re.fullmatch(_KIND, word) is not None and not word.endswith("_")


@functools.lru_cache(maxsize=64)
def grammar(extra: frozenset[str] = frozenset()) -> re.Pattern[str]:
    """What is read as a placeholder in a folded text, `extra` kinds included.

    Our own brackets make one of any word; other brackets, and none at all, of known kinds only,
    and without brackets in capitals: `COVID_19` and a column `name_1` are none.
    """
    known = "|".join(sorted({*KINDS, LITERAL, *extra}, key=len, reverse=True))
    loose = known.replace("_", "[_ -]")
    number = "[_ -]?[0-9]{1,6} ?"
    return re.compile(
        rf"[⟦〚] ?(?i:[A-Z][A-Z_ -]{{1,22}}?){number}[⟧〛]"
        rf"|\[\[ ?(?i:{loose}){number}\]\]|\{{\{{ ?(?i:{loose}){number}\}}\}}"
        rf"|[⟦〚\[【〔〖〘<《{{] ?(?i:{loose}){number}[⟧〛\]】〕〗〙>》}}]"
        rf"|(?<![A-Za-z0-9_])(?:{known})_[0-9]{{1,6}}(?![A-Za-z0-9_])"
    )


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
