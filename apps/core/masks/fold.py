"""One spelling for what looks the same, character by character, so that offsets stay true."""

from __future__ import annotations

_WIDE = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}  # full-width ASCII
_SPACES = dict.fromkeys(
    [0x09, 0x0B, 0x0C, 0xA0, 0x202F, 0x205F, 0x3000, *range(0x2000, 0x200E), 0x2060, 0xFEFF], 0x20
)
_DASHES = dict.fromkeys([*range(0x2010, 0x2016), 0x2212, 0xFE58, 0xFE63, 0xAD], 0x2D)
_DOTS = dict.fromkeys([0x2024, 0xFE52, 0xFF61], 0x2E)
_MIDDLE = dict.fromkeys([0x2022, 0x2027, 0x30FB, 0x22C5, 0x2219, 0xFF65], 0xB7)
_QUOTES = {0x201C: 0x22, 0x201D: 0x22, 0x2018: 0x27, 0x2019: 0x27, 0x300C: 0x22, 0x300D: 0x22}
# Where ten digits stand in a row: Arabic, Persian, Devanagari, Bengali, Thai, mathematical.
_ZEROS = [0x660, 0x6F0, 0x966, 0x9E6, 0xE50, *range(0x1D7CE, 0x1D800, 10)]
_DIGITS = {zero + n: 0x30 + n for zero in _ZEROS for n in range(10)}

TABLE = {**_WIDE, **_SPACES, **_DASHES, **_DOTS, **_MIDDLE, **_QUOTES, **_DIGITS}
_LOWER = {code: code + 32 for code in range(0x41, 0x5B)}


def fold(text: str) -> str:
    """ASCII for full-width letters, foreign digits, dashes, spaces, quotes; the same length."""
    return text if text.isascii() and not _odd(text) else text.translate(TABLE)


def lower(text: str) -> str:
    """ASCII letters in lower case; the same length, which `str.lower` does not promise."""
    return text.lower() if text.isascii() else text.translate(_LOWER)


def _odd(text: str) -> bool:
    return "\t" in text or "\v" in text or "\f" in text
