"""Skill: agree to what somebody (or oneself) asked for."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from apps.core.ids import tidy
from apps.skills.base import Context, Param, both, skill
from apps.skills.wording import NUMBER


@skill(
    zh="批准",
    aliases=["审批", "同意"],
    summary=both("批准或确认一件等你决定的事。", "Approve or confirm what waits for you."),
    examples=[both("/批准 K7M3Q9", "/approve K7M3Q9")],
    quick=True,
    lane="control",
    plannable=False,
)
def approve(
    ctx: Context,
    code: Annotated[
        str,
        Param(
            label=both("编号", "code"),
            ask=both("批准哪一件？请给编号。", "Approve what? Please give the code."),
            limit=40,
        ),
        Field(pattern=NUMBER),
    ],
) -> str:
    """Say yes; who may, once and in time, is judged by the approvals themselves."""
    return ctx.tell(ctx.approvals.decide(tidy(code), True))
