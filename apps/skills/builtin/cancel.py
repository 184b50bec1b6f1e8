"""Skill: stop a job."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from apps.core.ids import tidy
from apps.skills.base import Context, Param, both, skill
from apps.skills.wording import NUMBER


@skill(
    zh="取消",
    aliases=["stop", "停止", "取消任务"],
    summary=both("停止一个还没结束的任务或提醒。", "Stop a job or reminder that is not over."),
    examples=[both("/取消 7K3M9QZX", "/cancel 7K3M9QZX")],
    phrases=[both("取消任务{number}", "cancel job {number}")],
    quick=True,
    lane="control",
)
def cancel(
    ctx: Context,
    number: Annotated[
        str,
        Param(
            label=both("编号", "number"),
            ask=both("取消哪个任务？请给编号。", "Cancel which job? Please give its number."),
            limit=40,
        ),
        Field(pattern=NUMBER),
    ],
) -> str:
    """Stop one of the asker's jobs (any job, for whoever may see all)."""
    return ctx.tell(ctx.jobs.cancel(tidy(number)))
