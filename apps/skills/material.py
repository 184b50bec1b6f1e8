"""What a skill is to read: words that were typed, and files that were sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from apps.core.i18n import both
from apps.im import file_kinds
from apps.knowledge import reading
from apps.skills.base import Attachment, CannotDo, Context

#: Of one part, in characters: some 4,000 to 6,000 tokens of Chinese.
PART = 6000
MOST_PARTS = 12

NOTHING = both(
    "没有可读的内容。请把文字写在命令后面，或发来一个文件。",
    "There is nothing to read. Write the text after the command, or send a file.",
)
TOO_MUCH = both(
    "内容有 {size} 个字，一次最多读 {most} 个。请分几次发。",
    "That is {size} characters; at most {most} can be read at once. Please send it in parts.",
)


@dataclass(frozen=True, slots=True)
class Material:
    """Texts in parts of at most `PART` characters, and where they are from."""

    parts: tuple[str, ...]
    sources: tuple[str, ...]


def gather(ctx: Context, text: str, file: Attachment | None = None) -> Material:
    """All that there is to read. Raises CannotDo when that is nothing, or too much, and
    `CannotRead`."""
    files = [file] if file is not None else list(ctx.attachments)
    texts = [text] if text.strip() else []
    texts += [read(one) for one in files]
    if not texts and ctx.quoted.strip():
        texts = [ctx.quoted]
    size = sum(map(len, texts))
    if not size:
        raise CannotDo(NOTHING)
    if size > PART * MOST_PARTS:
        raise CannotDo(TOO_MUCH, size=size, most=PART * MOST_PARTS)
    parts = [part for one in texts for part in split(one)]
    return Material(tuple(parts), tuple(one.name for one in files))


def read(file: Attachment) -> str:
    """The words of a text, PDF, Word or Excel file. Raises `CannotRead`, which says why not."""
    data = file.read()
    found = file_kinds.readable(data) if file.kind == "text" else None
    if found is not None:
        return found
    kind = reading.kind_of(data, file.name)
    return "\n\n".join(one.text for one in reading.read(data, kind, file.name).pieces)


def split(text: str, most: int = PART) -> list[str]:
    """Parts of at most `most` characters that end with a paragraph, a line or a sentence where
    one ends in their second half. Joined they are the text again."""
    parts: list[str] = []
    while len(text) > most:
        end = _end(text[:most], most // 2)
        parts.append(text[:end])
        text = text[end:]
    return [*parts, text] if text else parts


_ENDS: Sequence[tuple[str, ...]] = (
    ("\n\n",),
    ("\n",),
    ("。", "！", "？", ". ", "! ", "? "),
    (" ",),
)


def _end(text: str, least: int) -> int:
    for marks in _ENDS:
        found = max(text.rfind(mark) + len(mark) if mark in text else 0 for mark in marks)
        if found > least:
            return found
    return len(text)
