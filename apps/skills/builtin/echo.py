"""Skill: say the same again, letter by letter."""

from __future__ import annotations

from typing import Annotated

from apps.skills.base import Context, Param, both, skill


@skill(
    zh="回显",
    aliases=["复述"],
    summary=both("把你说的原样说一遍。", "Say the same again."),
    examples=[both("/echo 你好", "/echo hello")],
    quick=True,
    lane="interactive",
    writes=False,
)
def echo(
    ctx: Context,
    text: Annotated[
        str,
        Param(label=both("文字", "text"), rest=True, ask=both("要回显什么？", "Echo what?")),
    ],
) -> str:
    """Answer with the text, unchanged."""
    return text
