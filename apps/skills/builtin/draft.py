"""Skill: the draft of a mail, a notice or a weekly report."""

from __future__ import annotations

from typing import Annotated, Literal

from apps.im.cards import Card
from apps.skills import ai_label
from apps.skills.base import Context, Param, both, skill

TITLE = both("草稿：{kind}", "Draft: {kind}")
KINDS = {
    "mail": both("邮件", "mail"),
    "notice": both("通知", "notice"),
    "weekly": both("周报", "weekly report"),
}
WORDS = {
    "mail": ("邮件", "email", "e-mail"),
    "notice": ("通知", "公告", "announcement"),
    "weekly": ("周报", "weekly report", "report"),
}
SHAPES = {
    "mail": both(
        "一封得体的邮件：主题、称呼、正文、落款。",
        "a proper mail: subject, salutation, body, closing.",
    ),
    "notice": both(
        "一份通知：标题、正文、时间地点、落款。",
        "a notice: headline, body, when and where, who signs.",
    ),
    "weekly": both(
        "一份周报：本周完成、问题与风险、下周计划。",
        "a weekly report: done this week, problems and risks, plan for next week.",
    ),
}
TASK = both(
    "按材料写{shape}缺少的信息用【待补】标出，不要编造。今天是 {day}。",
    "From the material write {shape} Mark what is missing with [to fill in]; invent nothing. "
    "Today is {day}.",
)


@skill(
    zh="起草",
    aliases=["草拟"],
    summary=both("起草邮件、通知或周报。", "Draft a mail, a notice or a weekly report."),
    examples=[
        both("/起草 通知 周五下午三点消防演习", "/draft notice fire drill on Friday at three"),
    ],
    lane="model",
    timeout=120,
    writes=False,
    outside=True,
)
def draft(
    ctx: Context,
    kind: Annotated[
        Literal["mail", "notice", "weekly"], Param(label=both("种类", "kind"), words=WORDS)
    ],
    about: Annotated[
        str,
        Param(
            label=both("内容", "about"),
            ask=both("要写些什么？", "What is it about?"),
            rest=True,
            limit=20_000,
        ),
    ],
) -> Card:
    """Write it; nothing is sent to anybody."""
    day = f"{ctx.now.astimezone(ctx.tz):%Y-%m-%d}"
    task = ctx.say(TASK, shape=SHAPES[kind], day=day)
    written = ctx.model.write(task, material=[about], max_tokens=2048)
    return ai_label.card(written, ctx.language, title=ctx.say(TITLE, kind=KINDS[kind]))
