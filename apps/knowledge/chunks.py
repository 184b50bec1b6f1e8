"""From pieces to passages: of a size that is worth reading, each with the place where it stands.

A passage never leaves its page, its heading or its sheet. Neighbours share their last sentences, so
that what is said across a border is found; a table is cut between rows, and each part has its head.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from apps.knowledge.readers.piece import Piece

SIZE = 800
OVERLAP = 120
_SENTENCES = re.compile(r"[^。！？；!?;\n]*?(?:[。！？；!?;]+[”’」』）)]*|\.(?=\s|$)|\n|$)")


@dataclass(frozen=True, slots=True)
class Passage:
    """A text and its place: `page`, `heading`, `sheet`, and a range `row`/`line` … `to`."""

    text: str
    place: dict[str, Any]


def passages(pieces: Iterable[Piece]) -> Iterator[Passage]:
    """The passages of a document, in its order."""
    for _, group in groupby(pieces, key=_where):
        some = list(group)
        yield from _rows(some) if some[0].table else _prose(some)


def _where(piece: Piece) -> tuple[Any, ...]:
    place = piece.place
    return (place.get("page"), place.get("heading"), place.get("sheet"), piece.table)


def _prose(pieces: list[Piece]) -> Iterator[Passage]:
    kept: list[tuple[str, Piece]] = []
    fresh = False
    for piece in pieces:
        for sentence in _sentences(piece.text):
            if fresh and _length(kept) + len(sentence) > SIZE:
                yield _passage(kept)
                kept, fresh = _tail(kept), False
            kept.append((sentence, piece))
            fresh = True
        kept.append(("\n", piece))
    if fresh:
        yield _passage(kept)


def _rows(pieces: list[Piece]) -> Iterator[Passage]:
    head = pieces[0].table[:SIZE]
    kept: list[Piece] = []
    for piece in pieces:
        for part in _parts(piece):
            size = len(head) + sum(len(one.text) + 1 for one in (*kept, part))
            if kept and size > SIZE:
                yield _table(head, kept)
                kept = []
            kept.append(part)
    yield _table(head, kept)


def _parts(piece: Piece) -> Iterator[Piece]:
    """A row that is longer than a passage, in pieces."""
    for start in range(0, len(piece.text), SIZE):
        yield Piece(piece.text[start : start + SIZE], piece.place, piece.table)


def _table(head: str, rows: list[Piece]) -> Passage:
    return Passage("\n".join([head, *(row.text for row in rows)]), _range(rows))


def _passage(kept: list[tuple[str, Piece]]) -> Passage:
    text = "".join(sentence for sentence, _ in kept)
    return Passage(re.sub(r"\n{2,}", "\n", text).strip(), _range([piece for _, piece in kept]))


def _range(pieces: list[Piece]) -> dict[str, Any]:
    first, last = pieces[0].place, pieces[-1].place
    place = {name: value for name, value in first.items() if name != "to"}
    for unit in ("row", "line"):
        if unit in first:
            place["to"] = last.get("to") or last.get(unit, first[unit])
    return place


def _tail(kept: list[tuple[str, Piece]]) -> list[tuple[str, Piece]]:
    """The last sentences of a passage, which begin the next one too."""
    found: list[tuple[str, Piece]] = []
    for one in reversed(kept):
        if _length(found) + len(one[0]) > OVERLAP:
            break
        found.insert(0, one)
    return found


def _length(kept: list[tuple[str, Piece]]) -> int:
    return sum(len(sentence) for sentence, _ in kept)


def _sentences(text: str) -> Iterator[str]:
    """Sentences with their ends; what has none is cut at half a passage."""
    for found in _SENTENCES.finditer(text):
        sentence = found[0]
        for start in range(0, len(sentence), SIZE // 2):
            yield sentence[start : start + SIZE // 2]
