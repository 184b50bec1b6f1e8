"""Skill: run a job again."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from apps.core.ids import tidy
from apps.skills.base import Context, Param, both, skill
from apps.skills.wording import NUMBER


@skill(
    zh="重试",
    aliases=["rerun", "重跑"],
    summary=both("把一个结束了的任务再运行一次。", "Run a job that is over once more."),
    examples=[both("/重试 7K3M9QZX", "/retry 7K3M9QZX")],
    phrases=[both("重试任务{number}", "retry job {number}")],
    quick=True,
    lane="interactive",
)
def retry(
    ctx: Context,
    number: Annotated[
        str,
        Param(
            label=both("编号", "number"),
            ask=both("重试哪个任务？请给编号。", "Retry which job? Please give its number."),
            limit=40,
        ),
        Field(pattern=NUMBER),
    ],
) -> str:
    """Run one of the asker's jobs again, with the same parameters, as a new job."""
    return ctx.tell(ctx.jobs.retry(tidy(number)))
