"""Skill: refuse what somebody (or oneself) asked for."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from apps.core.ids import tidy
from apps.skills.base import Context, Param, both, skill
from apps.skills.wording import NUMBER


@skill(
    zh="拒绝",
    aliases=["驳回", "reject"],
    summary=both("拒绝或放弃一件等你决定的事。", "Refuse or withdraw what waits for you."),
    examples=[both("/拒绝 K7M3Q9", "/deny K7M3Q9")],
    quick=True,
    lane="control",
    plannable=False,
)
def deny(
    ctx: Context,
    code: Annotated[
        str,
        Param(
            label=both("编号", "code"),
            ask=both("拒绝哪一件？请给编号。", "Deny what? Please give the code."),
            limit=40,
        ),
        Field(pattern=NUMBER),
    ],
) -> str:
    """Say no; who may, once and in time, is judged by the approvals themselves."""
    return ctx.tell(ctx.approvals.decide(tidy(code), False))
