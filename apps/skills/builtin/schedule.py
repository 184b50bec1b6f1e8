"""Skill: commands that are asked again at their times."""

from __future__ import annotations

from typing import Annotated, Literal

from apps.core.ids import tidy
from apps.im.cards import Button, Card, Table
from apps.im.cards import Text as Paragraph
from apps.skills import wording
from apps.skills.base import CannotDo, Context, Every, Param, both, lookup, skill
from apps.skills.ports import ScheduleInfo

TITLE = both("你的定时", "Your schedules")
NONE = both(
    "还没有定时。例如：/定时 每周一上午9点 /status",
    "No schedules yet. For example: /schedule every Monday at 9am /status",
)
HEADS = (
    both("编号", "Number"),
    both("什么时候", "When"),
    both("做什么", "What"),
    both("下一次", "Next"),
)
PAUSED = both("已暂停", "paused")
PAUSE = both("暂停 {number}", "Pause {number}")
RESUME = both("恢复 {number}", "Resume {number}")
DONE = both(
    "好的，{words}：{command}\n接下来：{times}\n"
    "编号 {number}，不要了就发 /schedule remove {number}",
    "All right, {words}: {command}\nNext: {times}\n"
    "Number {number}; /schedule remove {number} takes it back",
)
NO_TIME = both(
    "看不懂是什么周期，例如：/定时 每周一上午9点 /status。只要一次的用 /提醒。",
    "I don't understand how often; for example: /schedule every Monday at 9am /status. "
    "For once there is /remind.",
)
NO_COMMAND = both(
    "到时候要做什么？例如：/定时 {words} /status",
    "Do what then? For example: /schedule {words} /status",
)
NO_NUMBER = both("哪一个定时？请给编号。", "Which schedule? Please give its number.")
UNKNOWN = both("没有这个命令：{command}", "There is no such command: {command}")
NESTED = both("定时里不能再建定时。", "A schedule cannot make schedules.")
FORBIDDEN = both("你无权运行 /{name}，不能定时。", "You may not run /{name}, so not on a schedule.")
BUTTONS = 3

Action = Literal["list", "add", "pause", "resume", "remove", "run"]


@skill(
    zh="定时",
    aliases=["cron", "计划", "定时任务"],
    summary=both("按周期自动运行一条命令。", "Run a command again and again at its times."),
    examples=[
        both("/定时 每周一上午9点 /status", "/schedule every Monday at 9am /status"),
        both("每天早上9点提醒我写日报", "every day at 9am remind me to write the report"),
    ],
    phrases=[both("我的定时", "my schedules")],
    quick=True,
    lane="interactive",
)
def schedule(
    ctx: Context,
    action: Annotated[
        Action | None,
        Param(
            label=both("动作", "action"),
            words={
                "list": ["列表", "查看", "ls"],
                "add": ["添加", "新增", "新建", "new", "create"],
                "pause": ["暂停", "停用", "off"],
                "resume": ["恢复", "启用", "on"],
                "run": ["立即运行", "now"],
                "remove": ["删除", "移除", "delete", "rm"],
            },
        ),
    ] = None,
    every: Annotated[Every | None, Param(label=both("周期", "how often"))] = None,
    what: Annotated[
        str, Param(label=both("命令或编号", "command or number"), rest=True, command=True)
    ] = "",
) -> Card | str:
    """List, add, pause, resume, remove or run the asker's schedules."""
    if action is None:
        action = "add" if every or what else "list"
    if action == "list":
        return _list(ctx)
    if action == "add":
        return _add(ctx, every, what.strip())
    if not what.strip():
        raise CannotDo(NO_NUMBER)
    act = {
        "pause": ctx.schedules.pause,
        "resume": ctx.schedules.resume,
        "remove": ctx.schedules.remove,
        "run": ctx.schedules.run,
    }[action]
    return ctx.tell(act(tidy(what)))


def _add(ctx: Context, every: Every | None, command: str) -> str:
    if every is None:
        raise CannotDo(NO_TIME)
    if not command:
        raise CannotDo(NO_COMMAND, words=every.words or every.cron)
    _check(ctx, command)
    made = ctx.schedules.add(command, every, every.words)
    return ctx.say(
        DONE,
        words=made.words or made.cron,
        command=made.command,
        times=", ".join(wording.clock(at, ctx.tz) for at in made.next_times[:3]),
        number=made.number,
    )


def _check(ctx: Context, command: str) -> None:
    """Refuse at once what would be refused at every firing."""
    name = command.split()[0].lstrip("/／").partition("@")[0]
    found = lookup(name)
    if found is None or command[0] not in "/／":
        raise CannotDo(UNKNOWN, command=wording.short(command))
    if found.name == "schedule":
        raise CannotDo(NESTED)
    if not ctx.rights.allows(found.permission):
        raise CannotDo(FORBIDDEN, name=found.name)


def _list(ctx: Context) -> Card:
    found = ctx.schedules.mine()
    if not found:
        return Card(ctx.say(TITLE), "blue", (Paragraph(ctx.say(NONE)),))
    rows = tuple(
        (one.number, one.words or one.cron, wording.short(one.command), _next(ctx, one))
        for one in found
    )
    buttons = tuple(_button(ctx, one) for one in found[:BUTTONS])
    return Card(ctx.say(TITLE), "blue", (Table(tuple(map(ctx.say, HEADS)), rows),), buttons)


def _next(ctx: Context, one: ScheduleInfo) -> str:
    if not one.enabled:
        return ctx.say(PAUSED)
    return wording.clock(one.next_times[0], ctx.tz) if one.next_times else "—"


def _button(ctx: Context, one: ScheduleInfo) -> Button:
    label, verb = (PAUSE, "pause") if one.enabled else (RESUME, "resume")
    return Button(ctx.say(label, number=one.number), f"/schedule {verb} {one.number}", once=False)
