"""Skill: what is this file?"""

from __future__ import annotations

from typing import Annotated

from apps.im import archives, file_kinds
from apps.im.cards import Block, Card, Fields, Table, Text
from apps.skills import wording
from apps.skills.base import Attachment, Context, Param, both, skill

NAME = both("文件名", "Name")
TYPE = both("真实类型", "Real type")
ODD = both("{mime}（与文件名不符）", "{mime} (not what the name says)")
SIZE = both("大小", "Size")
SUM = both("SHA-256", "SHA-256")
HOLDS = both("内含", "Holds")
COUNT = both("{count} 个文件", "{count} files")
ENTRY = both("文件", "File")
MOST_ENTRIES = 20
MOST_LINES = 10
LONGEST_LINE = 200


@skill(
    zh="文件",
    aliases=["文件信息", "fileinfo"],
    summary=both(
        "文件的真实类型、大小、校验和与内容提要。",
        "A file's real type, size, checksum and a look inside.",
    ),
    examples=[both("/文件", "/file")],
    timeout=60,
    writes=False,
)
def file(
    ctx: Context,
    file: Annotated[
        Attachment,
        Param(label=both("文件", "file"), ask=both("请把文件发给我。", "Please send me the file.")),
    ],
) -> Card:
    """Tell what it is by its bytes; nothing is unpacked or run."""
    data = file.read()
    kind = file_kinds.sniff(data, file.name)
    fits = file_kinds.fits(kind, file.name)
    pairs = [
        (ctx.say(NAME), file.name),
        (ctx.say(TYPE), file.mime if fits else ctx.say(ODD, mime=file.mime)),
        (ctx.say(SIZE), wording.size(file.size)),
        (ctx.say(SUM), file.sha256),
    ]
    inside = archives.inspect(data, kind)
    if inside:
        pairs.append((ctx.say(HOLDS), ctx.say(COUNT, count=len(inside))))
    shown = _entries(ctx, inside) if kind.group == "archive" else _lines(data, kind)
    return Card("", "blue" if fits else "orange", (Fields(tuple(pairs)), *shown))


def _entries(ctx: Context, inside: list[archives.Entry]) -> tuple[Block, ...]:
    rows = tuple((one.name, wording.size(one.size)) for one in inside[:MOST_ENTRIES])
    return (Table((ctx.say(ENTRY), ctx.say(SIZE)), rows),) if rows else ()


def _lines(data: bytes, kind: file_kinds.Kind) -> tuple[Block, ...]:
    text = file_kinds.readable(data) if kind.group == "text" else None
    if not text:
        return ()
    lines = [line[:LONGEST_LINE] for line in text.splitlines()[:MOST_LINES]]
    return (Text("\n".join(lines)),)
