"""`manage.py understand TEXT`: what a text would be taken for, and why; runs nothing.

Where the first three stages leave it open and the person may use a model, that is asked, too.
"""

from __future__ import annotations

from django.core.management.base import CommandParser

from apps.accounts import authz
from apps.assistant import words
from apps.assistant.fully import understand_fully
from apps.assistant.understand import Asker
from apps.console import talk
from apps.console.cli import ConsoleCommand, Options, table
from apps.core.clock import utcnow
from apps.llm.shapes import Purpose
from apps.skills import added


class Command(ConsoleCommand):
    """Understanding without doing."""

    help = "Say what a text would be taken for. 这句话会被理解成什么。"

    def add_arguments(self, parser: CommandParser) -> None:
        """TEXT, --as, --json."""
        parser.add_argument("text", metavar="TEXT")
        parser.add_argument("--as", dest="person", default="", metavar="USER")
        self.json_option(parser)

    def run(self, options: Options) -> None:
        """Print the stage, the skill, its parameters and the reason."""
        added.refresh()
        person = talk.person_named(options["person"])
        language = words.language_of(person)
        rights = authz.rights([person])[person.pk]
        asker = Asker(person.pk, rights, language, utcnow(), words.zone())
        purpose = Purpose("understand", person.pk, f"person:{person.pk}")
        found = understand_fully(options["text"], asker, purpose).to_json(language)
        self.show(options, found, table([(key, value) for key, value in found.items()]))
