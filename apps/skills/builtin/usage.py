"""Skill: how much the asker asked."""

from __future__ import annotations

from apps.im.cards import Card, Fields
from apps.skills import wording
from apps.skills.base import Context, Reply, both, skill

TITLE = both("你的用量", "Your usage")
TODAY = both("今天", "Today")
MONTH = both("最近 30 天", "Last 30 days")
FIGURES = both("{messages} 条消息，{jobs} 个任务", "messages: {messages}, jobs: {jobs}")
STATES = both("任务状态", "Jobs by state")
NONE = both("无", "none")


@skill(
    zh="用量",
    aliases=["统计"],
    summary=both("你发了多少消息，跑了多少任务。", "How many messages you sent and jobs you ran."),
    examples=[both("/用量", "/usage")],
    quick=True,
    lane="interactive",
    writes=False,
)
def usage(ctx: Context) -> Reply:
    """Show the asker's own counts, to the asker alone."""
    used = ctx.system.usage()
    today = ctx.say(FIGURES, messages=used["messages_today"], jobs=used["jobs_today"])
    month = ctx.say(FIGURES, messages=used["messages_month"], jobs=used["jobs_month"])
    states = [
        f"{ctx.say(wording.state(name))} {count}"
        for name, count in ctx.jobs.counts().items()
        if count
    ]
    pairs = (
        (ctx.say(TODAY), today),
        (ctx.say(MONTH), month),
        (ctx.say(STATES), ", ".join(states) or ctx.say(NONE)),
    )
    return Reply(Card(ctx.say(TITLE), "blue", (Fields(pairs),)), private=True)
