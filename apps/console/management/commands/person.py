"""`manage.py person …`: people, their roles and their IM identities."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser
from django.db import transaction

from apps.accounts import identity, people, tokens
from apps.accounts.models import Department, Person
from apps.accounts.names import hint, person_named
from apps.console.cli import ConsoleCommand, Options, Refused, cli_actor, table
from apps.core.clock import utcnow
from apps.core.i18n import both
from apps.im.models import Bot


class Command(ConsoleCommand):
    """People, their roles and IM identities."""

    help = "People, their roles and IM identities. 人员、角色与 IM 账号。"

    def add_arguments(self, parser: CommandParser) -> None:
        """The verbs and what they take."""
        verbs = self.verbs(parser)
        add = self.verb(verbs, "add", self._add, both("新增人员", "add a person"), as_json=True)
        add.add_argument("name", metavar="NAME")
        add.add_argument("--role", action="append", default=[], metavar="ROLE")
        add.add_argument(
            "--identity", action="append", default=[], metavar="PLATFORM:SLUG:EXTERNAL_ID"
        )
        add.add_argument("--email", default="", metavar="E")
        add.add_argument("--department", default="", metavar="D")
        add.add_argument("--display-name", default="", metavar="N")
        self.verb(verbs, "list", self._list, both("列出人员", "list people"), as_json=True)
        summary = both("打印一次性登录链接", "print a one-time sign-in link")
        sign_in = self.verb(verbs, "signin", self._sign_in, summary, as_json=True)
        sign_in.add_argument("name", metavar="NAME")
        summary = both("为其程序签发 API 令牌，只显示一次", "make an API token, shown this once")
        token = self.verb(verbs, "token", self._token, summary, as_json=True)
        token.add_argument("name", metavar="NAME")
        token.add_argument("label", metavar="LABEL")
        token.add_argument("--days", type=int, metavar="N")
        summary = both("用配对码绑定 IM 账号", "bind the IM account that was shown a code")
        pair = self.verb(verbs, "pair", self._pair, summary, as_json=True)
        pair.add_argument("code", metavar="CODE")
        pair.add_argument("name", metavar="NAME")
        summary = both("停用离职人员", "switch a leaver off")
        self.verb(verbs, "disable", self._disable, summary).add_argument("name", metavar="NAME")
        summary = both("重新启用", "switch a person on again")
        self.verb(verbs, "enable", self._enable, summary).add_argument("name", metavar="NAME")

    @transaction.atomic
    def _add(self, options: Options) -> None:
        actor = cli_actor()
        fields: dict[str, Any] = {
            "email": options["email"],
            "display_name": options["display_name"],
        }
        if options["department"]:
            fields["department"] = Department.objects.get_or_create(name=options["department"])[0]
        person = people.add_person(options["name"], actor, roles=options["role"], **fields)
        for word in options["identity"]:
            bot, external_id = _identity(word)
            identity.bind(person, bot, external_id, actor)
        self.show(
            options, _shown(person), [both(f"已新增 {person.name}", f"{person.name} is added")]
        )

    def _list(self, options: Options) -> None:
        found = [_shown(person) for person in _everybody()]
        head = ("NAME", "ROLES", "IDENTITIES", "ACTIVE")
        rows = [
            (
                p["name"],
                ",".join(p["roles"]),
                ",".join(p["identities"]),
                "✓" if p["active"] else "-",
            )
            for p in found
        ]
        self.show(options, found, table([head, *rows]))

    def _sign_in(self, options: Options) -> None:
        person = person_named(options["name"])
        url = settings.CLAWDBOT_PUBLIC_URL + identity.sign_in_link(person, cli_actor())
        self.show(options, {"name": person.name, "url": url, "hours": 24}, [url])

    def _token(self, options: Options) -> None:
        days = options["days"]
        if days is not None and not 1 <= days <= 3650:
            raise Refused(both("--days 应为 1 到 3650。", "--days is from 1 to 3650."))
        ends = utcnow() + timedelta(days=days) if days else None
        person = person_named(options["name"])
        _, secret = tokens.create(person, options["label"], cli_actor(), expires_at=ends)
        data = {"name": person.name, "label": options["label"], "token": secret, "expires_at": ends}
        self.show(options, data, [secret])

    def _pair(self, options: Options) -> None:
        person = person_named(options["name"])
        binding = identity.redeem(options["code"], person, cli_actor())
        shown = f"{binding.bot}:{binding.external_id}"
        line = both(f"{shown} 现在是 {person.name}", f"{shown} is {person.name} now")
        self.show(options, {"name": person.name, "identity": shown}, [line])

    def _disable(self, options: Options) -> None:
        person = person_named(options["name"])
        people.disable_person(person, cli_actor())
        self.say(both(f"已停用 {person.name}", f"{person.name} is switched off"))

    def _enable(self, options: Options) -> None:
        person = person_named(options["name"])
        people.enable_person(person, cli_actor())
        self.say(both(f"已启用 {person.name}", f"{person.name} is switched on"))


def _everybody() -> Iterable[Person]:
    return Person.objects.order_by("pk").prefetch_related("roles", "bindings__bot")


def _shown(person: Person) -> dict[str, Any]:
    return {
        "id": person.pk,
        "name": person.name,
        "display_name": person.display_name,
        "email": person.email,
        "active": person.is_active,
        "roles": sorted(role.name for role in person.roles.all()),
        "identities": [f"{row.bot}:{row.external_id}" for row in person.bindings.all()],
    }


def _identity(word: str) -> tuple[Bot, str]:
    """Return bot and external id; the id itself may hold colons."""
    platform, _, rest = word.partition(":")
    slug, _, external_id = rest.partition(":")
    if not (platform and slug and external_id):
        text = both(
            f"“{word}”应写成 PLATFORM:SLUG:EXTERNAL_ID。",
            f"{word!r} should be PLATFORM:SLUG:EXTERNAL_ID.",
        )
        raise Refused(text)
    bot = Bot.objects.filter(platform=platform, slug=slug).first()
    if bot is None:
        known = [str(bot) for bot in Bot.objects.order_by("slug")]
        near = hint(f"{platform}:{slug}", known)
        text = both("没有机器人 {bot}。{near}", "There is no bot {bot}. {near}")
        raise Refused(text.format(bot=f"{platform}:{slug}", near=near))
    return bot, external_id
