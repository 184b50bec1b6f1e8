"""Skill: how much the asker asked, what it took of the models, and what is left."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from apps.im.cards import Card, Fields
from apps.skills import wording
from apps.skills.base import Context, Reply, both, skill
from apps.skills.ports import BudgetLeft

TITLE = both("你的用量", "Your usage")
TODAY = both("今天", "Today")
MONTH = both("最近 30 天", "Last 30 days")
FIGURES = both("{messages} 条消息，{jobs} 个任务", "messages: {messages}, jobs: {jobs}")
STATES = both("任务状态", "Jobs by state")
NONE = both("无", "none")
TOKENS_TODAY = both("今天的模型用量", "Models today")
TOKENS_MONTH = both("本月的模型用量", "Models this month")
TOKENS = both("{n} tokens", "{n} tokens")
LEFT = both(
    "已用 {used}，还剩 {left}，{until} 重新开始", "{used} used, {left} left, starts anew at {until}"
)


@skill(
    zh="用量",
    aliases=["统计"],
    summary=both(
        "你的消息、任务、模型用量和剩余预算。",
        "Your messages, jobs, what models took, and what is left of your budgets.",
    ),
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
        (ctx.say(TOKENS_TODAY), _spent(ctx, used["tokens_today"], used["money_today"])),
        (ctx.say(TOKENS_MONTH), _spent(ctx, used["tokens_month"], used["money_month"])),
        *((ctx.say(one.name), _left(ctx, one)) for one in used["budgets"]),
    )
    return Reply(Card(ctx.say(TITLE), "blue", (Fields(pairs),)), private=True)


def _spent(ctx: Context, tokens: int, money: Mapping[str, Decimal]) -> str:
    sums = [f"{amount:.2f} {currency}" for currency, amount in money.items()]
    return ", ".join([ctx.say(TOKENS, n=f"{tokens:,}"), *sums])


def _left(ctx: Context, one: BudgetLeft) -> str:
    until = f"{one.until.astimezone(ctx.tz):%Y-%m-%d %H:%M}"
    return ctx.say(LEFT, used=one.used, left=one.left, until=until)
