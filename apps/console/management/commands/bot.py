"""`manage.py bot …`: the IM bots of this installation."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from apps.console.cli import (
    ConsoleCommand,
    Failed,
    Options,
    Refused,
    cli_actor,
    key_values,
    said,
    table,
)
from apps.core.i18n import both
from apps.im import bot_checks, bots
from apps.im.models import Bot
from apps.im.registry import all_platforms
from apps.im.shapes import Check

YES = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}


class Command(ConsoleCommand):
    """Add, change, list, check and remove bots."""

    help = "IM bots. 聊天机器人。"

    def add_arguments(self, parser: CommandParser) -> None:
        """The verbs and what they take."""
        verbs = self.verbs(parser)
        add = self.verb(verbs, "add", self._add, both("新增机器人", "add a bot"), as_json=True)
        add.add_argument("platform", metavar="PLATFORM", help=", ".join(_addable()))
        add.add_argument("slug", metavar="SLUG")
        add.add_argument("pairs", nargs="*", metavar="KEY=VALUE")
        change = self.verb(verbs, "set", self._set, both("改设置、启停", "change a bot"))
        change.add_argument("slug", metavar="SLUG")
        change.add_argument("pairs", nargs="+", metavar="KEY=VALUE")
        self.verb(verbs, "list", self._list, both("列出机器人", "list the bots"), as_json=True)
        for name, run, summary in (
            ("check", self._check, both("连平台核对设置", "call the platform and check")),
            ("remove", self._remove, both("删除机器人", "remove a bot")),
        ):
            found = self.verb(verbs, name, run, summary, as_json=name == "check")
            found.add_argument("slug", metavar="SLUG")

    def _add(self, options: Options) -> None:
        values = key_values(options["pairs"])
        enabled = _yes_or_no(values.pop("enabled", "yes"))
        connection = values.pop("connection", "webhook")
        actor = cli_actor()
        bot = bots.add_bot(
            options["platform"], options["slug"], values, actor,
            enabled=enabled, connection=connection,
        )  # fmt: skip
        learned = bot_checks.learn(bot, actor, timeout_s=10)
        address = bots.address_of(bot)
        lines = [both(f"已新增 {bot}", f"Added {bot}")]
        lines += [both(f"事件地址：{address}", f"Address for events: {address}")] if address else []
        lines += [
            both(f"{k} = {v}（向平台查得）", f"{k} = {v} (learned)") for k, v in learned.items()
        ]
        self.show(options, _shown(Bot.objects.get(pk=bot.pk)), lines)

    def _set(self, options: Options) -> None:
        """Settings, `connection` and `enabled`; KEY= takes a setting away."""
        bot, actor = _bot(options["slug"]), cli_actor()
        values = key_values(options["pairs"])
        enabled = values.pop("enabled", "")
        wanted = _yes_or_no(enabled) if enabled else bot.enabled
        connection = values.pop("connection", None)
        if bot.enabled and not wanted:
            bots.set_enabled(bot, False, actor)
        if values or connection is not None:
            bots.update_settings(bot, values, actor, connection=connection)
        if wanted:
            bots.set_enabled(bot, True, actor)
        self.say(both(f"已更改 {bot}", f"Changed {bot}"))

    def _list(self, options: Options) -> None:
        found = [_shown(bot) for bot in Bot.objects.order_by("platform", "slug")]
        lines = [
            (
                one["platform"],
                one["slug"],
                "on" if one["enabled"] else "off",
                one["fault"] or one["address"],
            )
            for one in found
        ]
        self.show(options, found, table([("PLATFORM", "SLUG", "", "ADDRESS"), *lines]))

    def _check(self, options: Options) -> None:
        found = bot_checks.check_bot(_bot(options["slug"]), cli_actor())
        data = [{"name": c.name, "ok": c.ok, "sure": c.sure, "text": said(c.text)} for c in found]
        lines = [f"{_mark(c)} {c.name}: {said(c.text)}" for c in found]
        self.show(options, data, lines)
        wrong = [check.name for check in found if check.failed]
        if wrong:
            names = ", ".join(wrong)
            raise Failed(both(f"需要处理：{names}", f"To be mended: {names}"))

    def _remove(self, options: Options) -> None:
        bot = _bot(options["slug"])
        bots.remove_bot(bot, cli_actor())
        self.say(both(f"已删除 {bot}", f"Removed {bot}"))


def _mark(check: Check) -> str:
    """Right, wrong, or probably wrong."""
    return "ok " if check.ok else "NO " if check.failed else "?  "


def _addable() -> list[str]:
    return sorted(name for name, platform in all_platforms().items() if not platform.built_in)


def _bot(slug: str) -> Bot:
    found = Bot.objects.filter(slug=slug).first()
    if found is None:
        known = ", ".join(Bot.objects.order_by("slug").values_list("slug", flat=True))
        raise Refused(
            both(
                f"没有代号为 {slug} 的机器人；现有：{known}",
                f"No bot has the slug {slug}; there are: {known}",
            )
        )
    return found


def _yes_or_no(word: str) -> bool:
    if word.lower() not in YES:
        raise Refused(both("enabled 应为 yes 或 no。", "enabled is yes or no."))
    return YES[word.lower()]


def _shown(bot: Bot) -> dict[str, Any]:
    known = bot.platform in all_platforms()
    return {
        "platform": bot.platform,
        "slug": bot.slug,
        "enabled": bot.enabled,
        "fault": bot.fault,
        "connection": bot.connection,
        "address": bots.address_of(bot) if known else "",
        "settings": bots.public_settings(bot) if known else {},
    }
