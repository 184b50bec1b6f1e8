"""`manage.py role …`: what roles allow and deny."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from apps.accounts import grants
from apps.accounts.models import Role
from apps.accounts.names import role_named
from apps.console.cli import ConsoleCommand, Options, Refused, cli_actor
from apps.core.i18n import Text, both
from apps.skills import registry


class Command(ConsoleCommand):
    """Roles and their permissions."""

    help = "Roles and their permissions. 角色与权限。"

    def add_arguments(self, parser: CommandParser) -> None:
        """The verbs and what they take."""
        verbs = self.verbs(parser)
        self.verb(verbs, "list", self._list, both("列出角色", "list roles"), as_json=True)
        for name, run, summary in (
            ("allow", self._allow, both("允许", "let a role do something")),
            ("deny", self._deny, both("禁止,优先于允许", "forbid something; beats allow")),
            ("revoke", self._revoke, both("收回允许与禁止", "take an allow or deny back")),
        ):
            parser = self.verb(verbs, name, run, summary)
            parser.add_argument("role", metavar="ROLE")
            parser.add_argument("permission", metavar="PERMISSION")
        added = self.verb(verbs, "add", self._add, both("新增角色", "add a role"))
        added.add_argument("role", metavar="ROLE")

    def _list(self, options: Options) -> None:
        rows = Role.objects.order_by("pk").prefetch_related("grants", "people")
        found = [_shown(role) for role in rows]
        self.show(options, found, [line for role in found for line in _lines(role)])

    def _allow(self, options: Options) -> None:
        grant = grants.allow(options["role"], options["permission"], cli_actor())
        role, what = grant.role.name, grant.permission
        self.say(both(f"{role} 可以 {what}", f"{role} may {what}"), *_doubts(what))

    def _deny(self, options: Options) -> None:
        grant = grants.deny(options["role"], options["permission"], cli_actor())
        role, what = grant.role.name, grant.permission
        self.say(both(f"{role} 不得 {what}", f"{role} must not {what}"), *_doubts(what))

    def _revoke(self, options: Options) -> None:
        role, what = role_named(options["role"]), options["permission"]
        if not grants.revoke(role, what, cli_actor()):
            there = " ".join(role.grants.order_by("pk").values_list("permission", flat=True))
            text = both(
                f"{role.name} 没有关于 {what} 的授权。现有:{there}",
                f"{role.name} has no grant for {what}. There are: {there}",
            )
            raise Refused(text)
        self.say(both(f"已收回 {role.name} 的 {what}", f"{what} is taken back from {role.name}"))

    def _add(self, options: Options) -> None:
        role = grants.add_role_named(options["role"], cli_actor())
        self.say(both(f"已新增角色 {role.name}", f"the role {role.name} is added"))


def _doubts(permission: str) -> list[Text]:
    """A word about a skill that is not there: mistyped, or it comes later."""
    area, _, name = permission.partition(".")
    if area not in {"skill", "approve"} or name == "*" or registry.get(name):
        return []
    return [
        both(
            f"注意:现在没有名为 {name} 的技能。见 skill list",
            f"Note: there is no skill called {name} now. See: skill list",
        )
    ]


def _shown(role: Role) -> dict[str, Any]:
    by_effect = {
        effect: sorted(g.permission for g in role.grants.all() if g.effect == effect)
        for effect in ("allow", "deny")
    }
    people = sorted(person.name for person in role.people.all())
    return {"name": role.name, "shipped": role.shipped, "people": people, **by_effect}


def _lines(role: dict[str, Any]) -> list[Text]:
    people, allow, deny = (" ".join(role[key]) for key in ("people", "allow", "deny"))
    lines = [both(f"{role['name']}({people or '无人'})", f"{role['name']} ({people or 'nobody'})")]
    lines.append(both(f"  允许 {allow or '-'}", f"  allow {allow or '-'}"))
    return [*lines, both(f"  禁止 {deny}", f"  deny {deny}")] if deny else lines
