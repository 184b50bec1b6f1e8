"""`manage.py mask TEXT`: what a model outside would be given of a text; asks none."""

from __future__ import annotations

from django.core.management.base import CommandParser

from apps.console.cli import ConsoleCommand, Options
from apps.core.i18n import both
from apps.llm import privacy_actions


class Command(ConsoleCommand):
    """Masking without asking."""

    help = "Show a text as a model would be given it. 看看一段话会怎样遮盖后发给模型。"

    def add_arguments(self, parser: CommandParser) -> None:
        """TEXT, --json."""
        parser.add_argument("text", metavar="TEXT")
        self.json_option(parser)

    def run(self, options: Options) -> None:
        """Print the masked text, the kinds, and which list entries would hold it back."""
        tried = privacy_actions.preview(options["text"])
        data = {"text": tried.text, "kinds": dict(tried.counts), "held": list(tried.held)}
        lines = [tried.text, *(f"{kind}: {count}" for kind, count in tried.counts.items())]
        held = [
            both(f"名单第 {key} 条会拦下它。", f"List entry {key} would hold it back.")
            for key in tried.held
        ]
        self.show(options, data, [*lines, *held])
