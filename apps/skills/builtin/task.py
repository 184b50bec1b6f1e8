"""Skill: one job in detail."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from apps.core.ids import tidy
from apps.im.cards import Block, Button, Card, Fields, color_of
from apps.im.cards import Text as Paragraph
from apps.skills import wording
from apps.skills.base import CannotDo, Context, Param, both, skill
from apps.skills.ports import JobInfo
from apps.skills.wording import NUMBER

TITLE = both("任务 {number}", "Job {number}")
SKILL = both("技能", "Skill")
STATE = both("状态", "State")
CREATED = both("提出", "Asked")
DUE = both("到时", "Due")
STARTED = both("开始", "Started")
FINISHED = both("结束", "Ended")
UNKNOWN = both(
    "没有编号为 {number} 的任务，或者它不是你的。/tasks 看你的任务。",
    "There is no job {number}, or it is not yours. /tasks lists yours.",
)
CANCEL = both("取消", "Cancel")
RETRY = both("再运行一次", "Run again")


@skill(
    zh="任务详情",
    aliases=["job"],
    summary=both("看一个任务的详情。", "One job in detail."),
    examples=[both("/task 7K3M9QZX", "/task 7K3M9QZX")],
    phrases=[both("查看任务{number}", "show job {number}")],
    quick=True,
    lane="interactive",
    writes=False,
)
def task(
    ctx: Context,
    number: Annotated[
        str,
        Param(
            label=both("编号", "number"),
            ask=both("哪个任务？请给编号。", "Which job? Please give its number."),
            limit=40,
        ),
        Field(pattern=NUMBER),
    ],
) -> Card:
    """Show one job: skill, state, times and what it said."""
    job = ctx.jobs.find(tidy(number))
    if job is None:
        raise CannotDo(UNKNOWN, number=number)
    times = (
        (CREATED, job.created_at),
        (DUE, job.due),
        (STARTED, job.started_at),
        (FINISHED, job.finished_at),
    )
    pairs = [(ctx.say(SKILL), f"/{job.skill}"), (ctx.say(STATE), ctx.say(wording.state(job.state)))]
    pairs += [(ctx.say(label), wording.clock(at, ctx.tz)) for label, at in times if at]
    blocks: tuple[Block, ...] = (Fields(tuple(pairs)),)
    if job.text:
        blocks += (Paragraph(job.text),)
    title = ctx.say(TITLE, number=job.number)
    return Card(title, color_of(job.state), blocks, (_button(ctx, job),))


def _button(ctx: Context, job: JobInfo) -> Button:
    if job.state in wording.OPEN_STATES:
        return Button(ctx.say(CANCEL), f"/cancel {job.number}", "danger")
    return Button(ctx.say(RETRY), f"/retry {job.number}")
