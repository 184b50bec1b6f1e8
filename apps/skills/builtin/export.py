"""Skill: one's own jobs as a file."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Annotated, Literal

from apps.im.base import Media
from apps.skills import sheets
from apps.skills.base import CannotDo, Context, Param, Reply, both, skill
from apps.skills.ports import JobInfo

KEEP = timedelta(days=30)
MOST = 5000
HEADS = both(
    "编号,技能,状态,创建,开始,结束,内容",
    "number,skill,state,created,started,finished,text",
)
DONE = both("最近 30 天的 {count} 个任务在附件里。", "Your {count} jobs of the last 30 days.")
NONE = both("最近 30 天没有任务。", "There were no jobs in the last 30 days.")


@skill(
    zh="导出",
    aliases=["导出任务"],
    summary=both("把自己最近 30 天的任务导出成文件。", "Your jobs of the last 30 days as a file."),
    examples=[both("/导出", "/export"), both("/导出 json", "/export json")],
    writes=False,
)
def export(
    ctx: Context,
    form: Annotated[
        Literal["csv", "json"],
        Param(label=both("格式", "format"), words={"csv": ["表格", "excel"]}),
    ] = "csv",
) -> Reply:
    """Write them down, newest first; for the asker alone."""
    found = [job for job in ctx.jobs.mine(MOST) if job.created_at >= ctx.now - KEEP]
    if not found:
        raise CannotDo(NONE)
    day = f"{ctx.now.astimezone(ctx.tz):%Y%m%d}"
    made = _csv(ctx, found, day) if form == "csv" else _json(ctx, found, day)
    return Reply(ctx.say(DONE, count=len(found)), private=True, files=(made,))


def _csv(ctx: Context, jobs: list[JobInfo], day: str) -> Media:
    rows = [list(_row(ctx, job).values()) for job in jobs]
    return ctx.file(f"jobs-{day}.csv", sheets.csv_text([ctx.say(HEADS).split(","), *rows]))


def _json(ctx: Context, jobs: list[JobInfo], day: str) -> Media:
    rows = [_row(ctx, job) for job in jobs]
    return ctx.file(f"jobs-{day}.json", json.dumps(rows, ensure_ascii=False, indent=1))


def _row(ctx: Context, job: JobInfo) -> dict[str, str]:
    moments = {"created": job.created_at, "started": job.started_at, "finished": job.finished_at}
    times = {
        name: f"{at.astimezone(ctx.tz):%Y-%m-%d %H:%M:%S}" if at else ""
        for name, at in moments.items()
    }
    return {"number": job.number, "skill": job.skill, "state": job.state, **times, "text": job.text}
