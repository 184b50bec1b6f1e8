"""`manage.py doctor`: is everything right here, and if not, what mends it?"""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from apps.console import doctor
from apps.console.cli import ConsoleCommand, Options, said


class Command(ConsoleCommand):
    """Exit 0 when nothing is broken, else 1."""

    help = "Say what is wrong here and how to mend it. 检查安装，说明问题和处理办法。"

    def add_arguments(self, parser: CommandParser) -> None:
        """--json."""
        self.json_option(parser)

    def run(self, options: Options) -> None:
        """Print the report."""
        found = doctor.examine()
        data = [_shown(one) for one in found]
        lines = [f"{one['level']:4}  {one['name']}: {one['detail']}" + _mend(one) for one in data]
        self.show(options, data, lines)
        if any(one.level == doctor.FAIL for one in found):
            raise SystemExit(1)


def _shown(one: doctor.Finding) -> dict[str, Any]:
    return {
        "name": one.name,
        "level": one.level,
        "detail": said(one.detail),
        "mend": said(one.mend),
    }


def _mend(one: dict[str, Any]) -> str:
    return f"\n      -> {one['mend']}" if one["mend"] and one["level"] != doctor.OK else ""
