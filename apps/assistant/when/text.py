"""One spelling for every way of typing: the rules read what this makes, not what was typed."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import lru_cache

_SAME = str.maketrans(
    {
        **dict(
            zip("點鐘鍾週後兩號個時開過禮從間淩", "点钟钟周后两号个时开过礼从间凌", strict=True)
        ),
        **dict.fromkeys("〇○", "零"),
        **dict.fromkeys("‐‑‒–—―−~", "-"),
        **dict.fromkeys("‘’", "'"),
    }
)
_INVISIBLE = frozenset("\u200b\u200c\u200d\u2060\ufeff")


@dataclass(frozen=True, slots=True)
class Normal:
    """Normalised text, and for each of its characters the index of the original one."""

    text: str
    origin: list[int]

    def original(self, start: int, end: int) -> tuple[int, int]:
        """The original slice that the non-empty normalised slice came from."""
        return self.origin[start], self.origin[end - 1] + 1


@lru_cache(maxsize=4096)
def _fold(char: str) -> str:
    if char in _INVISIBLE:
        return ""
    # Twice, because NFKC makes new characters that have another spelling of their own.
    return unicodedata.normalize("NFKC", char.translate(_SAME)).lower().translate(_SAME)


def is_han(char: str) -> bool:
    """True for Chinese characters and Chinese punctuation."""
    return "\u4e00" <= char <= "\u9fff" or char in "、。，；：！？（）…"


def normalise(text: str, longest: int) -> Normal | None:
    """Half width, lower case, simplified, single spaces; no spaces beside Chinese characters.

    None for a text that is or becomes longer than `longest` (one character may stand for many).
    """
    if len(text) > longest:
        return None
    out: list[str] = []
    origin: list[int] = []
    gap = False
    for index, char in enumerate(text):
        for folded in _fold(char):
            if folded.isspace():
                gap = True
                continue
            if gap and out and not is_han(out[-1]) and not is_han(folded):
                out.append(" ")
                origin.append(index - 1)
            gap = False
            out.append(folded)
            origin.append(index)
    return Normal("".join(out), origin) if len(out) <= longest else None
