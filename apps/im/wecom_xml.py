"""Reads WeCom's XML so that nothing in it can surprise us: no DTD, no entities, bounded depth.

The standard library's expat does the parsing; it fetches nothing by itself, but would expand
entities that a DTD declares, so a DTD ends the parse. What is no DTD but only looks like one
(somebody writes about HTML, inside CDATA) is text like any other.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NoReturn
from xml.parsers import expat

from apps.im.payload import MAX_ID, Malformed

MAX_DEPTH = 12
MAX_ELEMENTS = 2000


class ForbiddenDtd(ValueError):
    """The document declares a document type or an entity."""


@dataclass(slots=True)
class Element:
    """One element: its name, its own text, and what stands inside it."""

    name: str
    text: str = ""
    children: list[Element] = field(default_factory=list)

    def all(self, name: str) -> Iterator[Element]:
        """The children of this name."""
        return (child for child in self.children if child.name == name)

    def first(self, name: str) -> Element | None:
        """The one child of this name, None when there is none. Raises `Malformed` for two."""
        found = list(self.all(name))
        if len(found) > 1:
            # Whoever reads the other one would read another message.
            raise Malformed(f"{name} stands there twice")
        return found[0] if found else None

    def text_of(self, name: str) -> str:
        """The text of a child. Raises `Malformed` when it is missing."""
        child = self.first(name)
        if child is None:
            raise Malformed(f"{name} is missing")
        return child.text

    def optional(self, name: str) -> str:
        """The text of a child, "" when it is missing."""
        child = self.first(name)
        return child.text if child else ""

    def id_of(self, name: str) -> str:
        """An id: 1 to 200 characters. Raises `Malformed`."""
        value = self.text_of(name).strip()
        if not 1 <= len(value) <= MAX_ID:
            raise Malformed(f"{name} has a wrong length")
        return value


def parse(data: bytes) -> Element:
    """The `<xml>` element of a document in UTF-8. Raises `ForbiddenDtd` and `Malformed`."""
    reader = _Reader()
    try:
        reader.parser.Parse(data, True)
    except (expat.ExpatError, UnicodeError, RecursionError) as error:
        raise Malformed("no XML") from error
    if reader.root is None or reader.root.name != "xml":
        raise Malformed("no <xml> element")
    return reader.root


class _Reader:
    """Collects elements; expat calls it in the order of the document."""

    def __init__(self) -> None:
        # The encoding is ours to say: a document could name one that hides what it holds.
        self.parser = expat.ParserCreate("utf-8")
        self.parser.buffer_text = True
        self.root: Element | None = None
        self._open: list[Element] = []
        self._count = 0
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self.parser.StartDoctypeDeclHandler = self._dtd
        self.parser.EntityDeclHandler = self._dtd

    def _start(self, name: str, attributes: Any) -> None:
        self._count += 1
        if len(self._open) >= MAX_DEPTH or self._count > MAX_ELEMENTS:
            raise Malformed("too deep or too many elements")
        element = Element(name)
        if self._open:
            self._open[-1].children.append(element)
        else:
            self.root = element
        self._open.append(element)

    def _end(self, name: str) -> None:
        self._open.pop()

    def _text(self, text: str) -> None:
        self._open[-1].text += text

    def _dtd(self, *declared: Any) -> NoReturn:
        raise ForbiddenDtd
