"""`manage.py skill list`: what can be asked for, and which right each needs."""

from __future__ import annotations

from django.conf import settings
from django.core.management.base import CommandParser

from apps.console.cli import ConsoleCommand, Options, table
from apps.core.i18n import both
from apps.skills.base import registry
from apps.skills.registry import faults


class Command(ConsoleCommand):
    """The skills that are installed."""

    help = "List the skills. 列出技能。"

    def add_arguments(self, parser: CommandParser) -> None:
        """The verb."""
        verbs = self.verbs(parser)
        self.verb(verbs, "list", self._list, both("列出技能", "list skills"), as_json=True)

    def _list(self, options: Options) -> None:
        language = settings.CLAWDBOT_LANGUAGE
        found = [
            {
                "name": skill.name,
                "zh": skill.zh,
                "aliases": list(skill.aliases),
                "summary": skill.summary.in_(language),
                "permission": skill.permission,
                "quick": skill.quick,
                "lane": skill.lane,
                "timeout": skill.timeout,
                "confirm": skill.confirm,
                "approve": skill.approve,
                "schema": skill.schema,
            }
            for skill in registry().values()
        ]
        rows = [(s["name"], s["zh"], s["permission"], s["summary"]) for s in found]
        self.show(options, found, table([("NAME", "中文", "PERMISSION", "SUMMARY"), *rows]))
        for fault in faults():
            self.stderr.write(f"{fault.module}: {fault.problem}")
