"""From the bytes of a document to its pieces, read by a process of its own."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass

import structlog

from apps.core import confined
from apps.core.i18n import Text, both
from apps.im import archives, file_kinds
from apps.im.file_kinds import Kind
from apps.im.file_names import extension
from apps.knowledge.child import SECONDS
from apps.knowledge.errors import CannotRead
from apps.knowledge.readers.piece import MAX_CELLS, MAX_CHARACTERS, MAX_PAGES, Piece

log = structlog.get_logger(__name__)
MAX_SIZE = 20 * 1024 * 1024
#: The child is given more than its own limit of CPU, as the machine may be busy.
PATIENCE_S = SECONDS * 1.5
_MARKDOWN = ("md", "markdown")
_KINDS = {file_kinds.PDF: "pdf", file_kinds.DOCX: "docx", file_kinds.XLSX: "xlsx"}
_TEXTS = (file_kinds.TEXT, file_kinds.CSV)

UNKNOWN = both(
    "只认识 txt、md、pdf、docx、xlsx", "only txt, md, pdf, docx and xlsx can be read"
)  # fmt: skip
_OLD = both(
    "这是旧版 Office 文件，或者设有打开密码；请另存为不加密的 docx 或 xlsx",
    "it is an old Office file or has a password; save it as docx or xlsx without one",
)
_LARGE = both("超过 {size} MB", "it is larger than {size} MB")
_EMPTY = both("文件是空的", "it is empty")
_SLOW = both("读取超时", "reading it took too long")
_BROKEN = both("文件已损坏", "the file is broken")
_WORDS: dict[str, Text] = {
    "broken": _BROKEN,
    "encrypted": both("文件有打开密码，请去掉密码再上传", "it has a password; remove that first"),
    "no_text": both(
        "里面没有文字（像是扫描件）；请先做文字识别（OCR）再上传",
        "there is no text in it (it looks scanned); run text recognition (OCR) on it first",
    ),
    "encoding": both(
        "文字编码无法识别，请存为 UTF-8", "its encoding is unknown; save it as UTF-8"
    ),
    "macros": both(
        "里面有宏；请另存为不带宏的 docx 或 xlsx", "it holds macros; save it as docx or xlsx"
    ),
    "entities": both("XML 里有实体定义，不安全", "its XML defines entities, which is not safe"),
    "too_large": both("解开后太大", "unpacked it is too large"),
    "too_many_pages": both(f"超过 {MAX_PAGES} 页", f"it has more than {MAX_PAGES} pages"),
    "too_many_cells": both(
        f"超过 {MAX_CELLS} 个单元格", f"it has more than {MAX_CELLS} cells"
    ),
    "too_much_text": both(
        f"超过 {MAX_CHARACTERS} 个字", f"it has more than {MAX_CHARACTERS} characters"
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Read:
    """What a document says; `blank` are the pages without text."""

    pieces: list[Piece]
    pages: int
    blank: list[int]


def kind_of(data: bytes, name: str) -> str:
    """Which reader it needs, told by its bytes; a look, no more. Raises `CannotRead`."""
    if not data:
        raise CannotRead(name=name, why=_EMPTY)
    if len(data) > MAX_SIZE:
        raise CannotRead(name=name, why=_LARGE.format(size=MAX_SIZE // 1024**2))
    kind = file_kinds.sniff(data, name)
    if kind is file_kinds.OLE:
        raise CannotRead(name=name, why=_OLD)
    found = _KINDS.get(kind) or _text_kind(kind, name)
    if found is None:
        raise CannotRead(name=name, why=UNKNOWN)
    return found


def _text_kind(kind: Kind, name: str) -> str | None:
    last = extension(name)
    if last in _MARKDOWN and kind.group in ("text", "other"):
        return "markdown"
    # UTF-16 without its mark reads as no text at first sight.
    return "text" if kind in _TEXTS or (last == "txt" and kind.group == "other") else None


def read(data: bytes, kind: str, name: str) -> Read:
    """Its pieces; takes up to `PATIENCE_S` seconds. Raises `CannotRead`, `UnsafeArchive`."""
    archives.inspect(data, file_kinds.sniff(data, name))
    try:
        answer = json.loads(confined.run("apps.knowledge.child", [kind], data, PATIENCE_S))
    except subprocess.TimeoutExpired as error:
        raise CannotRead(name=name, why=_SLOW) from error
    except confined.Ended as error:
        log.info("knowledge.unreadable", status=error.status, word=error.word[:200])
        raise CannotRead(str(error), name=name, why=_why(error)) from error
    pieces = [Piece(text, place, table) for text, place, table in answer["pieces"]]
    return Read(pieces, answer["pages"], answer["blank"])


def _why(ended: confined.Ended) -> Text:
    if ended.status < 0:  # killed by a limit
        return _SLOW
    return _WORDS.get(ended.word, _BROKEN)
