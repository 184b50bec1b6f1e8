"""How the names of skills are compared: one folding for registry, grammar and nearest."""

from __future__ import annotations

import re
import unicodedata

NAME = re.compile(r"[a-z][a-z0-9_]*")

# Zero-width and bidirectional controls, fillers, tags and control characters that are no blanks:
# they change what a word is without changing how it looks.
INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5"
    "\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff"
    "\ufff9-\ufffb\U000e0000-\U000e0fff]"
)
_WIDE = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: 0x20}


def visible(text: str) -> str:
    """Return `text` without characters that cannot be seen."""
    return text if text.isascii() and text.isprintable() else INVISIBLE.sub("", text)


def fold(word: str) -> str:
    """Return the form in which names are compared: NFKC, nothing invisible, case folded."""
    if word.isascii() and word.isprintable():
        return word.lower()
    return unicodedata.normalize("NFKC", visible(word)).casefold()


def narrow(text: str) -> str:
    """Return `text` with full-width letters, digits and blanks as ASCII, and nothing else changed.

    Unlike NFKC it leaves ③ and ² alone: whoever types those does not mean a number.
    """
    return text if text.isascii() else text.translate(_WIDE)
