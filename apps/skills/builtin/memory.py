"""Skill: see and delete what is remembered of one's own talk."""

from __future__ import annotations

from typing import Annotated, Literal

from apps.core.i18n import Text
from apps.im.cards import Block, Button, Card, Divider
from apps.im.cards import Text as Paragraph
from apps.skills.base import Context, Param, Reply, both, skill

TITLE = both("我记得的", "What I remember")
NOTHING = both("这里我什么都没有记住。", "I remember nothing here.")
OFF = both(
    "在群里我不记任何东西。管理员可以用 /记忆 开启 打开。",
    "In a group I remember nothing. An administrator may switch it on with /memory on.",
)
ASKED = both("你：{words}", "You: {words}")
ANSWERED = both("我：{words}", "I: {words}")
EARLIER = both("更早的摘要：{words}", "Summary of earlier talk: {words}")
FORGOT = both("已删除 {count} 条。", "Deleted {count}.")
ON = both("好的，以后会记住大家在这个群里对我说的话。", "All right, I will remember in this group.")
NO_MORE = both(
    "好的，不再记录，之前记下的也删除了。", "All right, no more; what I remembered is deleted."
)
PRIVATE = both("私聊本来就会记住，不用开关。", "In a private chat there is nothing to switch.")
MOST = 20
LONGEST = 300
WORDS = {
    "show": ("查看", "看"),
    "forget": ("删除", "忘记", "清空", "delete"),
    "all": ("全部删除", "forget all", "delete all"),
    "on": ("开启", "打开"),
    "off": ("关闭",),
}


@skill(
    zh="记忆",
    aliases=["memories"],
    summary=both("查看或删除我记得的对话。", "See or delete what I remember of our talk."),
    examples=[both("/记忆", "/memory"), both("/记忆 删除", "/memory forget")],
    quick=True,
    lane="interactive",
)
def memory(
    ctx: Context,
    what: Annotated[
        Literal["show", "forget", "all", "on", "off"],
        Param(label=both("做什么", "what"), words=WORDS),
    ] = "show",
) -> Reply:
    """Show it to the asker alone, delete it, or switch it for a group."""
    if what in ("forget", "all"):
        return Reply(FORGOT.format(count=ctx.memory.forget(what == "all")), private=True)
    if what in ("on", "off"):
        return Reply(_switch(ctx, what == "on"))
    return Reply(_shown(ctx), private=True)


def _switch(ctx: Context, on: bool) -> Text:
    if ctx.chat_type == "private":
        return PRIVATE
    ctx.memory.switch(on)
    return ON if on else NO_MORE


def _shown(ctx: Context) -> Card | Text:
    if not ctx.memory.on():
        return OFF
    pairs = ctx.memory.shown()[-MOST:]
    if not pairs:
        return NOTHING
    blocks: list[Block] = []
    for asked, answered in pairs:
        if asked:
            blocks.append(Paragraph(ctx.say(ASKED, words=asked[:LONGEST])))
        said = ANSWERED if asked else EARLIER
        blocks += [Paragraph(ctx.say(said, words=answered[:LONGEST])), Divider()]
    button = Button(ctx.say(both("删除", "Delete")), "/memory forget", "danger")
    return Card(ctx.say(TITLE), "blue", tuple(blocks[:-1]), (button,))
