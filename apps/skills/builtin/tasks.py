"""Skill: the asker's jobs."""

from __future__ import annotations

from typing import Annotated, Literal

from apps.im.cards import Button, Card, Table
from apps.im.cards import Text as Paragraph
from apps.skills import wording
from apps.skills.base import Context, Param, both, skill

TITLE = both("你的任务", "Your jobs")
NONE = both("没有任务。", "No jobs.")
HEADS = (
    both("编号", "Number"),
    both("技能", "Skill"),
    both("状态", "State"),
    both("时间", "When"),
    both("内容", "About"),
)
CANCEL = both("取消 {number}", "Cancel {number}")
SHOWN = 10
SHOWN_ALL = 30
BUTTONS = 3


@skill(
    zh="任务",
    aliases=["jobs", "任务列表", "我的任务"],
    summary=both("你最近的任务和提醒。", "Your latest jobs and reminders."),
    examples=[both("/任务", "/tasks"), both("/tasks all", "/tasks all")],
    phrases=[both("有哪些任务", "my tasks"), both("我有哪些任务", "list my jobs")],
    quick=True,
    lane="interactive",
    writes=False,
)
def tasks(
    ctx: Context,
    which: Annotated[
        Literal["latest", "open", "all"],
        Param(
            label=both("哪些", "which"),
            words={"latest": ["最近"], "open": ["未完成"], "all": ["全部", "所有"]},
        ),
    ] = "latest",
) -> Card:
    """List own jobs, newest first, with a Cancel button for those that are not over."""
    limit = SHOWN_ALL if which == "all" else SHOWN
    found = ctx.jobs.mine(limit=limit, include_done=which != "open")
    if not found:
        return Card(ctx.say(TITLE), "blue", (Paragraph(ctx.say(NONE)),))
    rows = tuple(
        (
            job.number,
            job.skill,
            ctx.say(wording.state(job.state)),
            wording.clock(job.finished_at or job.due or job.created_at, ctx.tz),
            wording.short(job.text, 40),
        )
        for job in found
    )
    open_jobs = [job for job in found if job.state in wording.OPEN_STATES][:BUTTONS]
    buttons = tuple(
        Button(ctx.say(CANCEL, number=job.number), f"/cancel {job.number}") for job in open_jobs
    )
    return Card(ctx.say(TITLE), "blue", (Table(tuple(map(ctx.say, HEADS)), rows),), buttons)
