"""`manage.py say TEXT`: one question through the same inbox, queue and outbox as any IM."""

from __future__ import annotations

import dataclasses

from django.core.management.base import CommandParser

from apps.console import talk
from apps.console.cli import ConsoleCommand, Failed, Options
from apps.console.supervisor.lock import Taken
from apps.core.i18n import both


class Command(ConsoleCommand):
    """Ask and print the answer."""

    help = "Ask something and print the answer. 问一句，打印回答。"

    def add_arguments(self, parser: CommandParser) -> None:
        """TEXT, --as, --timeout, --json."""
        parser.add_argument("text", metavar="TEXT")
        parser.add_argument("--as", dest="person", default="", metavar="USER")
        parser.add_argument("--timeout", type=float, default=60.0, metavar="S")
        self.json_option(parser)

    def run(self, options: Options) -> None:
        """Exit 0 with the answer, 1 without one in time or with a failure, 2 when refused."""
        person = talk.person_named(options["person"])
        try:
            with talk.workers():
                found = talk.ask(person, options["text"], options["timeout"])
        except Taken as error:
            raise Failed(str(error)) from error
        except talk.NoAnswer as error:
            number, seconds = error.message.pk, options["timeout"]
            text = both(
                f"{seconds:g} 秒内没有等到回答；消息 {number} 已保存，之后仍会处理。",
                f"no answer within {seconds:g} s; message {number} is kept and still handled.",
            )
            raise Failed(text) from error
        # The contract's keys alone, unless there is something to fetch.
        data = {k: v for k, v in dataclasses.asdict(found).items() if k != "files" or v}
        files = [f"{one['name']}: {one['path']}" for one in found.files]
        self.show(options, data, [found.text, *files])
        if found.state in {"refused", "denied", "limited"}:
            raise SystemExit(2)
        if found.state in {"failed", "dead", "expired", "cancelled"}:
            raise SystemExit(1)
