"""Skill: the gist of a text or a file."""

from __future__ import annotations

from typing import Annotated

from apps.im.cards import Card
from apps.skills import ai_label, material
from apps.skills.base import Attachment, Context, Param, both, skill
from apps.skills.ports import Written

TITLE = both("摘要", "Summary")
TASK = both(
    "把材料总结成{points}个要点，每点一行，只用材料里的内容。",
    "Summarise the material in {points} points, one line each, using only what is in it.",
)
PART = both(
    "这是一份长材料的第 {number} 部分，共 {count} 部分。写下其中的要点，只用材料里的内容。",
    "This is part {number} of {count} of a long material. Write down its points, using only what "
    "is in it.",
)
READING = both("正在读第 {number}/{count} 部分", "Reading part {number} of {count}")


@skill(
    zh="总结",
    aliases=["摘要", "summarize", "概括"],
    summary=both("把文字或文件总结成几点。", "Sum up a text or a file in a few points."),
    examples=[both("/总结 points=3 今天的会议……", "/summarise points=3 In today's meeting …")],
    lane="model",
    timeout=300,
    writes=False,
    outside=True,
)
def summarise(
    ctx: Context,
    points: Annotated[int, Param(label=both("几点", "points"))] = 3,
    file: Annotated[Attachment | None, Param(label=both("文件", "file"))] = None,
    text: Annotated[str, Param(label=both("文字", "text"), rest=True)] = "",
) -> Card:
    """Sum it up; what is long is read in parts first."""
    found = material.gather(ctx, text, file)
    parts = found.parts
    if len(parts) > 1:
        parts = tuple(_part(ctx, part, n, len(parts)).text for n, part in enumerate(parts, 1))
    points = max(1, min(points, 20))
    written = ctx.model.write(ctx.say(TASK, points=points), material=parts)
    return ai_label.card(written, ctx.language, title=ctx.say(TITLE), sources=found.sources)


def _part(ctx: Context, part: str, number: int, count: int) -> Written:
    ctx.check_stop()
    ctx.progress(READING.format(number=number, count=count))
    return ctx.model.write(ctx.say(PART, number=number, count=count), material=[part])
