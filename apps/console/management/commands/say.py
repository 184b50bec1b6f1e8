"""`manage.py say TEXT`: one question through the same inbox, queue and outbox as any IM."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.accounts.models import Person
from apps.console import talk
from apps.console.supervisor.lock import Taken


class Command(BaseCommand):
    """Ask and print the answer."""

    help = "Ask something and print the answer. 问一句，打印回答。"

    def add_arguments(self, parser: CommandParser) -> None:
        """TEXT, --as, --timeout, --json."""
        parser.add_argument("text")
        parser.add_argument("--as", dest="person", default="", metavar="USER")
        parser.add_argument("--timeout", type=float, default=60.0, metavar="S")
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        """Exit 0 with the answer, 1 without one in time, 2 when refused."""
        person = self._person(options["person"])
        try:
            with talk.workers():
                said = talk.ask(person, options["text"], options["timeout"])
        except Taken as error:
            raise CommandError(str(error), returncode=1) from error
        except talk.NoAnswer as error:
            raise CommandError(
                f"no answer within {options['timeout']:g} s; it is kept as message "
                f"{error.message.pk} and will still be answered. "
                f"没有等到回答；消息 {error.message.pk} 已保存，之后仍会处理。",
                returncode=1,
            ) from error
        if options["json"]:
            self.stdout.write(json.dumps(dataclasses.asdict(said), ensure_ascii=False))
        else:
            self.stdout.write(said.text)
        if said.state in {"refused", "denied"}:
            raise SystemExit(2)
        if said.state in {"failed", "dead"}:
            raise SystemExit(1)

    def _person(self, name: str) -> Person:
        if not name:
            first = Person.objects.filter(roles__name="administrator", is_active=True)
            found = first.order_by("pk").first()
            if found is None:
                raise CommandError(
                    "nobody is here yet: run `manage.py up` once. 还没有人员，请先运行 up。",
                    returncode=2,
                )
            return found
        found = Person.objects.filter(name=name).first()
        if found is None:
            names = ", ".join(Person.objects.order_by("pk").values_list("name", flat=True)[:20])
            raise CommandError(f"no person {name!r}. People: {names}", returncode=2)
        return found
