"""Plain text and Markdown, in UTF-8, UTF-16 or GB 18030."""

from __future__ import annotations

import re
from collections.abc import Iterator

from apps.knowledge.readers.piece import Found, Piece, Unreadable

_HEADING = re.compile(r"(#{1,6})\s+(.+?)\s*#*\s*$")
_FENCE = re.compile(r"\s*(```|~~~)")
_RULE = re.compile(r"\s*\|?\s*:?-{2,}:?\s*(\|\s*:?-{2,}:?\s*)*\|?\s*$")
_MARKS = re.compile(r"!?\[([^\]]*)\]\([^)]*\)|(\*\*|__|`)")


def decoded(data: bytes) -> str:
    """The text of a file in any encoding that is common in Chinese offices."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        codecs = ["utf-16"]
    elif (
        b"\0" in data[:4096]
    ):  # UTF-16 without its mark: ASCII's zero bytes say which half is first
        even, odd = data[:4096:2].count(0), data[1:4096:2].count(0)
        codecs = ["utf-16-le" if odd >= even else "utf-16-be"]
    else:
        codecs = ["utf-8-sig", "gb18030"]
    for codec in codecs:
        try:
            text = data.decode(codec)
        except UnicodeDecodeError:
            continue
        odd_ones = sum(not one.isprintable() and one not in "\t\r\n\f\v" for one in text[:4096])
        if odd_ones <= len(text[:4096]) // 100:
            return text
    raise Unreadable("encoding")


def plain(data: bytes) -> Found:
    """Paragraphs: lines up to an empty one."""
    return Found(_paragraphs(decoded(data)))


def _paragraphs(text: str) -> Iterator[Piece]:
    kept: list[str] = []
    first = 1
    for number, line in enumerate([*_lines(text), ""], 1):
        if line.strip():
            kept.append(line.rstrip())
        else:
            yield Piece("\n".join(kept), {"line": first, "to": number - 1})
            kept, first = [], number + 1


def markdown(data: bytes) -> Found:
    """Paragraphs under their headings; rows of tables with their head."""
    return Found(_marked(decoded(data)))


def _marked(text: str) -> Iterator[Piece]:
    path: list[str] = []
    kept: list[str] = []
    fenced, first = False, 1
    lines = [*_lines(text), ""]
    skip = 0
    for number, line in enumerate(lines):
        if number < skip:
            continue
        place = {"heading": " > ".join(one for one in path if one), "line": number + 1}
        fenced ^= bool(_FENCE.match(line))
        heading = None if fenced else _HEADING.match(line)
        table = not fenced and "|" in line and _RULE.match(lines[min(number + 1, len(lines) - 1)])
        if heading or table or (not line.strip() and not fenced) or number == len(lines) - 1:
            yield Piece("\n".join(kept), {**place, "line": first})
            kept = []
        elif not _FENCE.match(line):
            first = first if kept else number + 1
            kept.append(_unmarked(line.rstrip()))
        if heading:
            level = len(heading[1])
            path = [*path[: level - 1], *[""] * (level - 1 - len(path)), _unmarked(heading[2])]
        if table:
            skip = number + 2
            while skip < len(lines) and "|" in lines[skip]:
                yield Piece(_row(lines[skip]), {**place, "line": skip + 1}, _row(line))
                skip += 1


def _row(line: str) -> str:
    return " | ".join(_unmarked(cell).strip() for cell in line.strip().strip("|").split("|"))


def _unmarked(text: str) -> str:
    return _MARKS.sub(lambda found: found[1] or "", text)


def _lines(text: str) -> list[str]:
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
