"""Skill: what this person may ask for, with an example each."""

from __future__ import annotations

from typing import Annotated

from apps.im.cards import Button, Card, Fields
from apps.im.cards import Text as Paragraph
from apps.skills.base import CannotDo, Context, Param, Skill, both, lookup, registry, skill

TITLE = both("你可以用这些", "What you can ask for")
NAMES = both("/{name}（{zh}）", "/{name}")
LINE = both("{names} {summary}\n　例：{example}", "{names}: {summary}\n  e.g. {example}")
MORE = both("/help 名字 看某一项的详细说明。", "/help NAME tells more about one of them.")
NONE = both("你还没有任何权限，请联系管理员。", "You have no rights yet; ask an administrator.")
UNKNOWN = both(
    "没有“{name}”，或者你无权使用。/help 看全部。",
    "There is no “{name}”, or you may not use it. /help lists everything.",
)
ALSO = both("也叫", "Also called")
EXAMPLES = both("例子", "Examples")
PARAMETER = both("{label}（{kind}）", "{label} ({kind})")
KINDS = {
    "text": both("文字", "text"),
    "int": both("整数", "whole number"),
    "float": both("数", "number"),
    "bool": both("是或否", "yes or no"),
    "time": both("时间", "time"),
    "every": both("周期", "repetition"),
    "json": both("JSON", "JSON"),
}
NEEDED = both("必填", "needed")
OPTIONAL = both("可不填", "optional")
CONFIRMED = both("运行前会请你确认。", "Asks you to confirm before it runs.")
APPROVED = both("需要另一个人批准。", "Somebody else has to approve it.")
TRY = both("试试", "Try it")


@skill(
    name="help",
    zh="帮助",
    aliases=["h", "start", "命令", "菜单"],
    summary=both("你能用什么，各举一例。", "What you can ask for, with an example each."),
    examples=[both("/帮助", "/help"), both("/help remind", "/help remind")],
    phrases=[both("你会什么", "what can you do"), both("你能做什么", "what can i ask")],
    quick=True,
    lane="interactive",
    writes=False,
)
def help_(
    ctx: Context,
    name: Annotated[str, Param(label=both("名字", "name"), limit=100)] = "",
) -> Card:
    """List what the asker may run, or tell everything about one skill."""
    return _details(ctx, name) if name else _everything(ctx)


def _permitted(ctx: Context, one: Skill | None) -> bool:
    return one is not None and ctx.rights.allows(one.permission)


def _everything(ctx: Context) -> Card:
    shown = [s for s in registry().values() if not s.hidden and _permitted(ctx, s)]
    if not ctx.model.available():
        shown = [one for one in shown if one.lane != "model"]
    if not shown:
        return Card(ctx.say(TITLE), "orange", (Paragraph(ctx.say(NONE)),))
    lines = "\n".join(_line(ctx, one) for one in sorted(shown, key=lambda s: s.name))
    return Card(ctx.say(TITLE), "blue", (Paragraph(lines), Paragraph(ctx.say(MORE))))


def _line(ctx: Context, one: Skill) -> str:
    names = NAMES.format(name=one.name, zh=one.zh)
    return ctx.say(LINE, names=names, summary=one.summary, example=one.examples[0])


def _details(ctx: Context, name: str) -> Card:
    one = lookup(name.lstrip("/／"))
    if one is None or not _permitted(ctx, one):
        raise CannotDo(UNKNOWN, name=name)
    pairs = [(ctx.say(ALSO), ", ".join(w for w in one.words if w != one.name))]
    pairs += [_parameter(ctx, one, number) for number in range(len(one.parameters))]
    pairs.append((ctx.say(EXAMPLES), "\n".join(e.in_(ctx.language) for e in one.examples)))
    notes = [ctx.say(CONFIRMED)] * one.confirm + [ctx.say(APPROVED)] * one.approve
    text = "\n".join([one.summary.in_(ctx.language), *notes])
    button = Button(ctx.say(TRY), one.examples[0].in_(ctx.language), once=False)
    title = ctx.say(NAMES, name=one.name, zh=one.zh)
    facts = Fields(tuple(pair for pair in pairs if pair[1]))
    return Card(title, "blue", (Paragraph(text), facts), (button,))


def _parameter(ctx: Context, one: Skill, number: int) -> tuple[str, str]:
    found = one.parameters[number]
    kind = KINDS.get(found.kind)
    shown = ctx.say(kind) if kind else " / ".join(found.shown_choices)
    label = ctx.say(PARAMETER, label=found.label, kind=shown)
    return label, ctx.say(NEEDED if found.asked else OPTIONAL)
