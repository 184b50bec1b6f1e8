"""`manage.py simulate PLATFORM`: a stand-in of a platform, with a page to chat in."""

from __future__ import annotations

import shlex
import signal
import threading
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.core.i18n import Text, both
from apps.core.logging import only_what_is_wrong
from apps.simulate.desk import Desk
from apps.simulate.desks import all_desks
from apps.simulate.page import Page
from apps.simulate.push import Pusher

REFUSED = 2
PORT = 9400

_UNKNOWN = both(
    "没有“{name}”的模拟平台；可用的有：{known}",
    "There is no stand-in of {name!r}; there are: {known}",
)
_TAKEN = both("端口 {port} 或 {next} 不可用：{why}", "Port {port} or {next} cannot be used: {why}")
_INTRODUCTION = both(
    "让安装认识它和两个人（在另一个终端里）：",
    "Introduce it and two people to the installation, in another terminal:",
)
_STREAM = both(
    "没有公网地址、由安装主动连接时：在 bot add 那一行末尾加上 {pairs}",
    "Over a connection of its own, without a public address: end the line of bot add with {pairs}",
)
_PAGE = both("聊天页面：{url}    Ctrl-C 结束", "The page to chat in: {url}    Ctrl-C ends it")
_ENDED = both("已结束。", "Ended.")


class Command(BaseCommand):
    """Needs no installation: neither database nor broker is touched."""

    help = "Stand in for a platform's API and event push. 模拟一个平台。"
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """The platform, the port, and where to push to."""
        parser.add_argument("platform", metavar="PLATFORM", help=", ".join(sorted(all_desks())))
        parser.add_argument(
            "--port", type=int, default=PORT, help=f"the API's; the page is next to it ({PORT})"
        )
        parser.add_argument("--target", default="", help="the bot's webhook address")

    def run_from_argv(self, argv: list[str]) -> None:
        """Run as a program of its own."""
        only_what_is_wrong()
        super().run_from_argv(argv)

    def handle(self, *args: Any, **options: Any) -> None:
        """Serve until Ctrl-C or SIGTERM."""
        known = all_desks()
        name, port = options["platform"], options["port"]
        if name not in known:
            raise CommandError(
                _said(_UNKNOWN.format(name=name, known=", ".join(sorted(known)))),
                returncode=REFUSED,
            )
        desk = known[name](port)
        pusher = Pusher(desk, options["target"] or target_of(name))
        language = "en" if settings.CLAWDBOT_LANGUAGE.startswith("en") else "zh"
        page = Page(desk, pusher, port=port and port + 1, language=language)
        ending = threading.Event()
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, lambda *_: ending.set())
        try:
            with desk, page:
                self._introduce(desk, page)
                ending.wait()
        except (OSError, OverflowError) as error:
            why = _TAKEN.format(port=port, next=port + 1, why=str(error))
            raise CommandError(_said(why)) from error
        finally:
            pusher.close()
        self.stdout.write(_said(_ENDED))

    def _introduce(self, desk: Desk, page: Page) -> None:
        lines = [_said(_INTRODUCTION), *introduction(desk), ""]
        if desk.stream_config is not None:
            more = {**desk.stream_config, "connection": "stream"}
            pairs = " ".join(shlex.quote(f"{name}={value}") for name, value in more.items())
            lines.append(_said(_STREAM.format(pairs=pairs)))
        lines.append(_said(_PAGE.format(url=page.url)))
        self.stdout.write("\n".join(lines))
        self.stdout.flush()


def slug_of(platform: str) -> str:
    """The bot's slug: one for each platform, so that several stand-ins can be introduced."""
    return f"sim-{platform}"


def target_of(platform: str) -> str:
    """Where this machine's installation takes events for the bot that we introduce."""
    host = settings.CLAWDBOT_HOST
    host = "127.0.0.1" if host in {"", "0.0.0.0", "::"} else host  # noqa: S104
    host = f"[{host}]" if ":" in host else host
    return f"http://{host}:{settings.CLAWDBOT_PORT}/webhooks/{platform}/{slug_of(platform)}/"


def introduction(desk: Desk) -> list[str]:
    """The commands that make a bot of this stand-in, and people of those at it."""
    manage, slug = ".venv/bin/python manage.py", slug_of(desk.platform)
    pairs = [shlex.quote(f"{name}={value}") for name, value in desk.config().items() if value]
    lines = [f"  {manage} bot add {desk.platform} {slug} {' '.join(pairs)}"]
    for name in sorted(desk.people.keys() & {"alice", "bob"}):
        identity = shlex.quote(f"{desk.platform}:{slug}:{desk.people[name]}")
        lines.append(f"  {manage} person add {slug}-{name} --role member --identity {identity}")
    return lines


def _said(text: Text) -> str:
    return text.in_(settings.CLAWDBOT_LANGUAGE)
