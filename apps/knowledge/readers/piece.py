"""What readers give: pieces of text, each with its place in the document, within limits."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

MAX_PAGES = 2000
MAX_CELLS = 300_000
MAX_CHARACTERS = 3_000_000
#: One part of an office document, unpacked.
MAX_PART = 24 * 1024 * 1024
_HIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069"
                     "\ufeff\ufffe\uffff\ud800-\udfff\U000e0000-\U000e007f]")  # fmt: skip


class Unreadable(Exception):
    """The document cannot be read; `word` says why and is known to `apps.knowledge.reading`."""

    def __init__(self, word: str) -> None:
        self.word = word
        super().__init__(word)


@dataclass(frozen=True, slots=True)
class Piece:
    """A paragraph, or a row of a table whose head is `table`.

    `place` holds some of `page`, `heading` (a path), `sheet`, `row`, `line` (from 1).
    """

    text: str
    place: dict[str, Any] = field(default_factory=dict)
    table: str = ""


@dataclass(slots=True)
class Found:
    """A document's pieces, and what is to be told about it: pages, and those without text."""

    pieces: Iterable[Piece]
    pages: int = 0
    blank: list[int] = field(default_factory=list)


def clean(text: str) -> str:
    """Without what is not seen: control, zero-width, direction and tag characters, and what no
    database stores."""
    return _HIDDEN.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def within(pieces: Iterable[Piece]) -> Iterator[Piece]:
    """The pieces that hold something, cleaned. Raises `Unreadable` when they are too many."""
    total = 0
    for piece in pieces:
        text = clean(piece.text).strip()
        if not text:
            continue
        total += len(text)
        if total > MAX_CHARACTERS:
            raise Unreadable("too_much_text")
        yield Piece(text, piece.place, clean(piece.table))
