"""Word documents (ECMA-376, WordprocessingML): paragraphs under their headings, tables by rows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from apps.knowledge.readers.office import Parts
from apps.knowledge.readers.piece import MAX_CELLS, Found, Piece, Unreadable

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_MC = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
#: What is not on the page: a drawing's second version, deleted text, and what is marked as hidden.
_SKIPPED = {f"{_MC}Fallback", f"{_W}del", f"{_W}moveFrom", f"{_W}instrText"}
_NAMED = re.compile(r"(?:heading|标题)\s*([1-9])$", re.IGNORECASE)


def document(data: bytes) -> Found:
    """Its text, its tables and its footnotes. Raises `Unreadable`."""
    parts = Parts(data)
    root = parts.xml("word/document.xml")
    body = root.find(f"{_W}body") if root is not None else None
    if body is None:
        raise Unreadable("broken")
    pieces = list(_Walk(_levels(parts.xml("word/styles.xml"))).over(body))
    notes = parts.xml("word/footnotes.xml")
    for note in notes.iter(f"{_W}footnote") if notes is not None else ():
        if not note.get(f"{_W}type"):
            pieces.append(Piece(_text(note)))
    if not any(piece.text.strip() for piece in pieces):
        raise Unreadable("no_text")
    return Found(pieces)


def _levels(styles: Any) -> dict[str, int]:
    """The outline level (from 1) of each style that is a heading, its own or its parent's."""
    if styles is None:
        return {}
    found: dict[str, int] = {}
    parents: dict[str, str] = {}
    for style in styles.iter(f"{_W}style"):
        key = style.get(f"{_W}styleId", "")
        outline = style.find(f"{_W}pPr/{_W}outlineLvl")
        name = style.find(f"{_W}name")
        named = _NAMED.match(name.get(f"{_W}val", "")) if name is not None else None
        based = style.find(f"{_W}basedOn")
        if outline is not None and outline.get(f"{_W}val", "").isdigit():
            found[key] = int(outline.get(f"{_W}val")) + 1
        elif named:
            found[key] = int(named[1])
        elif based is not None:
            parents[key] = based.get(f"{_W}val", "")
    return found | {key: found[up] for key, up in parents.items() if up in found}


class _Walk:
    """Goes through a body in its order and remembers under which headings it is."""

    def __init__(self, levels: dict[str, int]) -> None:
        self._levels = levels
        self._path: list[str] = []
        self._cells = 0

    def over(self, parent: Any) -> Iterator[Piece]:
        for child in parent:
            if child.tag == f"{_W}p":
                yield from self._paragraph(child)
            elif child.tag == f"{_W}tbl":
                yield from self._table(child)
            elif child.tag not in _SKIPPED and len(child):
                yield from self.over(child)  # content controls, insertions

    def _place(self) -> dict[str, Any]:
        return {"heading": " > ".join(one for one in self._path if one)}

    def _paragraph(self, paragraph: Any) -> Iterator[Piece]:
        text = _text(paragraph)
        level = self._level(paragraph)
        if not level or level > 9 or not text.strip() or len(text) > 200:
            yield Piece(text, self._place())
            return
        gap = [""] * (level - 1 - len(self._path))
        self._path = [*self._path[: level - 1], *gap, " ".join(text.split())]

    def _level(self, paragraph: Any) -> int:
        style = paragraph.find(f"{_W}pPr/{_W}pStyle")
        outline = paragraph.find(f"{_W}pPr/{_W}outlineLvl")
        if outline is not None and outline.get(f"{_W}val", "").isdigit():
            return int(outline.get(f"{_W}val")) + 1
        return self._levels.get(style.get(f"{_W}val", ""), 0) if style is not None else 0

    def _table(self, table: Any) -> Iterator[Piece]:
        head, rows = "", 0
        for row in table.iter(f"{_W}tr"):
            cells = [" ".join(_text(cell).split()) for cell in row.findall(f"{_W}tc")]
            self._cells += len(cells)
            if self._cells > MAX_CELLS:
                raise Unreadable("too_many_cells")
            line = " | ".join(cells)
            if not head:
                head = line
                continue
            rows += 1
            yield Piece(line, self._place(), head)
        if head and not rows:
            yield Piece(head, self._place())


def _text(element: Any) -> str:
    return "".join(_runs(element))


def _runs(element: Any) -> Iterator[str]:
    for child in element:
        if child.tag in _SKIPPED or child.find(f"{_W}rPr/{_W}vanish") is not None:
            continue
        if child.tag == f"{_W}t":
            yield child.text or ""
        elif child.tag == f"{_W}tab":
            yield "\t"
        elif child.tag in {f"{_W}br", f"{_W}cr"}:
            yield "\n"
        else:
            yield from _runs(child)
            if child.tag == f"{_W}p":
                yield "\n"
