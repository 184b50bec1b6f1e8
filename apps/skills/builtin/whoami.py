"""Skill: who the asker is to this installation."""

from __future__ import annotations

from apps.im.cards import Card, Fields
from apps.skills.base import Context, Reply, both, skill

TITLE = both("你是 {name}", "You are {name}")
NAME = both("登录名", "Sign-in name")
ROLES = both("角色", "Roles")
IDENTITIES = both("绑定的账号", "Bound accounts")
LANGUAGE = both("语言", "Language")
OWN = both("中文", "English")
NONE = both("无", "none")


@skill(
    zh="我是谁",
    summary=both("你的名字、角色、绑定和语言。", "Your name, roles, bindings and language."),
    examples=[both("/我是谁", "/whoami")],
    phrases=[both("我有什么权限", "who am i")],
    quick=True,
    lane="interactive",
    writes=False,
)
def whoami(ctx: Context) -> Reply:
    """Show the person's name, roles, identities and language, to that person alone."""
    none = ctx.say(NONE)
    pairs = (
        (ctx.say(NAME), ctx.person.name),
        (ctx.say(ROLES), ", ".join(ctx.people.role_names()) or none),
        (ctx.say(IDENTITIES), "\n".join(ctx.people.identities()) or none),
        (ctx.say(LANGUAGE), ctx.say(OWN)),
    )
    title = ctx.say(TITLE, name=str(ctx.person))
    return Reply(Card(title, "blue", (Fields(pairs),)), private=True)
