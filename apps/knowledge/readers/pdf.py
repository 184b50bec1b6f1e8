"""PDF: the text of each page. What is only a picture of text is not read."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator

from apps.knowledge.readers.piece import MAX_CHARACTERS, MAX_PAGES, Found, Piece, Unreadable

_HAN = "\u3000-\u30ff\u3400-\u9fff\uff00-\uffef"
_BETWEEN_HAN = re.compile(rf"(?<=[{_HAN}])[ \t]+(?=[{_HAN}])")
_ENDS = re.compile(r"[。！？；：.!?;:]\s*$")
#: A line that begins so is one of its own: an article, an item of a list.
_BEGINS = re.compile(
    r"\s*(第[一二三四五六七八九十百零〇\d]+[章节条款]|[一二三四五六七八九十]+[、.]"
    r"|[（(][一二三四五六七八九十\d]+[)）]|\d+(\.\d+)*[.、)]?\s|[-•·●▪]\s)"
)


def pages(data: bytes) -> Found:
    """The paragraphs of every page. Raises `Unreadable`."""
    from pypdf import PdfReader
    from pypdf.errors import PyPdfError

    try:
        reader = PdfReader(io.BytesIO(data), strict=False)
        if reader.is_encrypted and not reader.decrypt(""):
            raise Unreadable("encrypted")
        count = len(reader.pages)
        if count > MAX_PAGES:
            raise Unreadable("too_many_pages")
        found: list[Piece] = []
        blank: list[int] = []
        total = 0
        for number, page in enumerate(reader.pages, 1):
            text = page.extract_text()
            total += len(text)
            if total > MAX_CHARACTERS:
                raise Unreadable("too_much_text")
            if not text.strip():
                blank.append(number)
            found += [Piece(one, {"page": number}) for one in reflowed(text)]
    except Unreadable:
        raise
    except (PyPdfError, ValueError, LookupError, TypeError, AttributeError, OSError,
            ArithmeticError, AssertionError, NotImplementedError) as error:  # fmt: skip
        # A boundary: a broken file reaches the library's every corner.
        raise Unreadable("broken") from error
    if not found:
        raise Unreadable("no_text")
    return Found(found, count, blank)


def reflowed(text: str) -> Iterator[str]:
    """Paragraphs from the lines of a page: a line that was only full goes on in the next."""
    kept = ""
    widest = max((len(line) for line in text.splitlines()), default=0)
    for raw in text.splitlines():
        line = _BETWEEN_HAN.sub("", raw).strip()
        if not line or (kept and _BEGINS.match(line)):
            yield kept
            kept = ""
        kept = _joined(kept, line)
        full = len(raw.rstrip()) > widest * 0.75
        if kept and (not full or (_ENDS.search(line) and len(kept) > 400)):
            yield kept
            kept = ""
    yield kept


def _joined(kept: str, line: str) -> str:
    if not kept or not line:
        return kept + line
    if kept.endswith("-") and len(kept) > 1 and kept[-2].isalpha() and line[0].islower():
        return kept[:-1] + line
    wide = ord(kept[-1]) > 0x2E80 or ord(line[0]) > 0x2E80
    return f"{kept}{'' if wide else ' '}{line}"
