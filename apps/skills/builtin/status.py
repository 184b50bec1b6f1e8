"""Skill: does the house work?"""

from __future__ import annotations

from apps.im.cards import Card, Fields
from apps.skills.base import Context, both, skill
from apps.skills.ports import CheckInfo

GOOD = both("一切正常", "Everything works")
BAD = both("有 {count} 项不正常", "{count} not right")
RIGHT = both("正常", "right")
WRONG = both("不正常", "wrong")
BECAUSE = both("不正常：{detail}", "wrong: {detail}")
WAITING = both("排队", "Waiting")
NOTHING = both("没有", "nothing")
YOURS = both("你的任务", "Your jobs")
OPEN = both("{count} 个未完成", "{count} open")


@skill(
    zh="状态",
    aliases=["健康", "health"],
    summary=both("系统是否正常，有多少在排队。", "Whether everything works, and what waits."),
    examples=[both("/状态", "/status")],
    phrases=[both("系统正常吗", "is everything working"), both("系统状态", "system status")],
    quick=True,
    lane="interactive",
    writes=False,
)
def status(ctx: Context) -> Card:
    """Show the health checks, what waits in each lane, and the asker's open jobs."""
    checks = ctx.system.health()
    wrong = sum(not check.ok for check in checks)
    pairs = [(check.name, _said(ctx, check)) for check in checks]
    lanes = [f"{lane} {count}" for lane, count in ctx.system.waiting().items() if count]
    pairs.append((ctx.say(WAITING), ", ".join(lanes) or ctx.say(NOTHING)))
    counts = ctx.jobs.counts()
    open_jobs = sum(counts.get(state, 0) for state in ("waiting", "asking", "running"))
    pairs.append((ctx.say(YOURS), ctx.say(OPEN, count=open_jobs)))
    title = ctx.say(BAD, count=wrong) if wrong else ctx.say(GOOD)
    return Card(title, "red" if wrong else "green", (Fields(tuple(pairs)),))


def _said(ctx: Context, check: CheckInfo) -> str:
    if check.ok:
        return ctx.say(RIGHT)
    detail = check.detail.in_(ctx.language)
    return ctx.say(BECAUSE, detail=detail) if detail else ctx.say(WRONG)
