"""What management commands share: verbs, KEY=VALUE, `--json`, and exit codes.

Exit 0 = done, 1 = failed, 2 = refused (bad arguments, a permission, an unknown name). Commands act
as the installation and are audited as ``cli:<user>``.
"""

from __future__ import annotations

import json
from argparse import ArgumentTypeError
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError
from django.utils.dateparse import parse_date, parse_datetime

from apps.audit.actor import Actor
from apps.audit.seal import seal_once
from apps.core.errors import ClawdbotError
from apps.core.i18n import Text, both
from apps.core.logging import only_what_is_wrong

Options = dict[str, Any]
Run = Callable[[Options], None]

_NO_DATABASE = both(
    "数据库不可用({error})。若是首次使用,请先运行:manage.py up",
    "The database cannot be used ({error}). On first use run: manage.py up",
)


class Failed(CommandError):
    """It was tried and did not work: exit 1."""

    def __init__(self, message: Text | str) -> None:
        super().__init__(said(message), returncode=1)


class Refused(CommandError):
    """It was not done: exit 2."""

    def __init__(self, message: Text | str) -> None:
        super().__init__(said(message), returncode=2)


def said(message: Text | str) -> str:
    """Return a text in the language of the installation."""
    return message if isinstance(message, str) else message.in_(settings.CLAWDBOT_LANGUAGE)


def cli_actor() -> Actor:
    """Return the actor of this command."""
    return Actor.cli()


def key_values(words: Iterable[str]) -> dict[str, str]:
    """Return KEY=VALUE arguments as a mapping; raises ``Refused``. A value may hold `=`."""
    found: dict[str, str] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or not key.strip():
            raise Refused(both(f"“{word}”应写成 KEY=VALUE。", f"{word!r} should be KEY=VALUE."))
        if key.strip() in found:
            raise Refused(both(f"{key} 写了两次。", f"{key} is given twice."))
        found[key.strip()] = value
    return found


def moment(word: str) -> datetime:
    """Return an argument such as 2026-11-22 or 2026-11-22T08:30 as an aware time.

    Without an offset it is on the installation's wall clock.
    """
    try:
        day = parse_date(word)
        found = parse_datetime(word) or (
            datetime.combine(day, datetime.min.time()) if day else None
        )
    except ValueError:
        found = None
    if found is None:
        raise ArgumentTypeError(f"{word!r} is no time; write 2026-11-22 or 2026-11-22T08:30")
    zone = ZoneInfo(settings.CLAWDBOT_TIME_ZONE)
    return found if found.tzinfo else found.replace(tzinfo=zone)


class ConsoleCommand(BaseCommand):
    """A command with verbs (`person add …`) or without; errors end in one sentence."""

    # They cost a second and belong to `up`, `doctor` and the tests.
    requires_system_checks = ()

    def verbs(self, parser: CommandParser) -> Any:
        """Make the place where ``verb`` adds to; one verb must be given."""
        return parser.add_subparsers(dest="verb", required=True, metavar="VERB")

    def verb(
        self, verbs: Any, name: str, run: Run, summary: Text, *, as_json: bool = False
    ) -> CommandParser:
        """Add a verb that calls `run` with the options; returns its parser."""
        parser: CommandParser = verbs.add_parser(name, help=said(summary))
        parser.set_defaults(run=run)
        if as_json:
            self.json_option(parser)
        return parser

    def json_option(self, parser: CommandParser) -> None:
        """Add `--json`, as every listing and showing command has it."""
        text = both("输出一个 JSON 文档", "print one JSON document")
        parser.add_argument("--json", action="store_true", help=said(text))

    def run_from_argv(self, argv: list[str]) -> None:
        """Run as a program of its own: its answer is not mixed with lines about what went well."""
        only_what_is_wrong()
        super().run_from_argv(argv)

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the verb; what it raises becomes a sentence and an exit code."""
        try:
            self.run(options)
            # Without a running `up` nobody else would seal what was just written down.
            seal_once()
        except ClawdbotError as error:
            message = error.text(settings.CLAWDBOT_LANGUAGE)
            raise (Refused(message) if error.http_status < 500 else Failed(message)) from error
        except DatabaseError as error:
            raise Failed(_NO_DATABASE.format(error=str(error).strip())) from error

    def run(self, options: Options) -> None:
        """Do what the command is for; one without verbs overrides this."""
        run: Run = options["run"]
        run(options)

    def show(self, options: Mapping[str, Any], data: Any, lines: Iterable[Text | str]) -> None:
        """Print `data` with `--json`, else the lines."""
        if options.get("json"):
            self.stdout.write(json.dumps(data, ensure_ascii=False, default=str))
        else:
            self.say(*lines)

    def say(self, *lines: Text | str) -> None:
        """Print lines in the language of the installation."""
        for line in lines:
            self.stdout.write(said(line))


def table(rows: Sequence[Sequence[object]]) -> list[str]:
    """Return rows as lines with aligned columns; Chinese characters count as two wide."""
    cells = [[str(cell) for cell in row] for row in rows]
    widths = [max(map(_width, column)) for column in zip(*cells, strict=True)]
    return [
        "  ".join(
            cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True)
        ).rstrip()
        for row in cells
    ]


def _width(text: str) -> int:
    return sum(2 if ord(char) > 0x2E80 else 1 for char in text)
