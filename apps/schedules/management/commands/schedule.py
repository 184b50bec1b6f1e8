"""`manage.py schedule …`: list, add, pause, resume, run and remove schedules."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.accounts.models import Person
from apps.assistant import grammar
from apps.assistant.models import Conversation
from apps.assistant.when import Every, parse
from apps.audit.log import Actor
from apps.core.clock import utcnow
from apps.core.errors import ClawdbotError
from apps.core.logging import only_what_is_wrong
from apps.im.models import Bot
from apps.schedules import actions, preview
from apps.schedules.models import Schedule
from apps.skills import registry

REFUSED = 2
EXAMPLES = '"every day at 9", "每周一 18:00", "0 9 * * 1"'
SHOWN_RUNS = 5
ACTS: dict[str, Callable[[Schedule, Actor], object]] = {
    "pause": actions.pause,
    "resume": actions.resume,
    "run": actions.run_now,
    "remove": actions.remove,
}


class Command(BaseCommand):
    """Acts as the installation; audited as `cli:<user>`."""

    help = "List, add, pause, resume, run and remove schedules. 管理定时。"

    def add_arguments(self, parser: CommandParser) -> None:
        """One subcommand for each action."""
        subs = parser.add_subparsers(dest="act", required=True, metavar="ACTION")
        found = subs.add_parser("list", help="all schedules 全部定时")
        found.add_argument("--json", action="store_true")
        adding = subs.add_parser("add", help="add one 新建")
        adding.add_argument("owner", metavar="OWNER")
        adding.add_argument(
            "when", metavar="WHEN", help='"every day at 9", "每周一 18:00", "0 9 * * 1"'
        )
        adding.add_argument("text", metavar="COMMAND")
        adding.add_argument("--chat", default="", metavar="PLATFORM:SLUG:ID")
        adding.add_argument("--json", action="store_true")
        for name in ACTS:
            acting = subs.add_parser(name)
            acting.add_argument("number", metavar="NUMBER")
            acting.add_argument("--json", action="store_true")

    def run_from_argv(self, argv: list[str]) -> None:
        """Run as a program of its own."""
        only_what_is_wrong()
        super().run_from_argv(argv)

    def handle(self, *args: Any, **options: Any) -> None:
        """Exit 0 when done, 2 when refused."""
        try:
            rows = self._act(options)
        except ClawdbotError as error:
            raise CommandError(
                error.text(settings.CLAWDBOT_LANGUAGE), returncode=REFUSED
            ) from error
        if options["json"]:
            found = [shown(row) for row in rows]
            what = found if options["act"] == "list" else found[0]
            self.stdout.write(json.dumps(what, ensure_ascii=False, indent=2))
            return
        for row in rows:
            self.stdout.write(line(row))
        if not rows:
            self.stdout.write("还没有定时 no schedules yet: schedule add OWNER WHEN COMMAND")

    def _act(self, options: dict[str, Any]) -> list[Schedule]:
        if options["act"] == "list":
            return list(Schedule.objects.select_related("owner").order_by("pk"))
        if options["act"] == "add":
            return [add(options["owner"], options["when"], options["text"], options["chat"])]
        schedule = find(options["number"])
        ACTS[options["act"]](schedule, Actor.cli())
        return [Schedule.objects.select_related("owner").filter(pk=schedule.pk).first() or schedule]


def add(owner: str, when: str, text: str, chat: str) -> Schedule:
    """Add a schedule as the installation. Raises CommandError and ClawdbotError."""
    person = Person.objects.filter(name=owner, is_active=True).first()
    if person is None:
        raise CommandError(f"没有此人 no such person: {owner}", returncode=REFUSED)
    cron = crontab(when)
    return actions.add(
        person,
        conversation(person, chat),
        known(text),
        cron,
        words="" if cron == when else when,
        actor=Actor.cli(),
    )


def known(text: str) -> str:
    """The command as it was given. Raises CommandError when it names what is not there."""
    read = grammar.read(text)
    if read and read.slash and not any(map(registry.lookup, _names(read))):
        raise CommandError(
            f"没有这个命令 there is no such command: {text}. 见 see: skill list", returncode=REFUSED
        )
    return text


def _names(read: grammar.Command) -> list[str]:
    return [one.name for one in (read, *grammar.joined(read))]


def crontab(when: str) -> str:
    """The crontab of a phrase, or the crontab that it is. Raises CommandError."""
    found = parse(when, utcnow().astimezone(preview.zone()))
    if isinstance(found, Every):
        return found.cron
    if len(when.split()) == 5 and found is None:
        return " ".join(when.split())
    raise CommandError(
        f"听不懂时间 not a time that comes again: {when!r}. 例如 for example: {EXAMPLES}",
        returncode=REFUSED,
    )


def conversation(person: Person, chat: str) -> Conversation:
    """The chat to answer in: PLATFORM:SLUG:ID (an id may hold colons), else the web chat."""
    platform, slug, chat_id = ([*chat.split(":", 2), "", ""][:3]) if chat else ("web", "web", "")
    bot = Bot.objects.filter(platform=platform, slug=slug).first()
    if bot is None or (chat and not chat_id):
        known = ", ".join(f"{b.platform}:{b.slug}" for b in Bot.objects.order_by("pk")[:20])
        raise CommandError(f"没有此会话 no such chat: {chat!r}; bots: {known}", returncode=REFUSED)
    chat_id = chat_id or f"person:{person.pk}"
    return Conversation.objects.get_or_create(bot=bot, chat_id=chat_id)[0]


def find(number: str) -> Schedule:
    """The schedule of this number. Raises CommandError."""
    found = Schedule.objects.select_related("owner").filter(number=number.strip().upper()).first()
    if found is None:
        raise CommandError(f"没有此定时 no schedule {number}", returncode=REFUSED)
    return found


def shown(schedule: Schedule) -> dict[str, Any]:
    """A schedule as JSON."""
    runs = preview.next_runs(schedule, SHOWN_RUNS)
    return {
        "number": schedule.number,
        "owner": schedule.owner.name,
        "command": schedule.command,
        "words": preview.in_words(schedule).in_(settings.CLAWDBOT_LANGUAGE),
        "cron": schedule.cron,
        "time_zone": schedule.time_zone,
        "enabled": schedule.enabled,
        "next_runs": [run.isoformat() for run in runs],
    }


def line(schedule: Schedule) -> str:
    """A schedule as one line."""
    runs = preview.next_runs(schedule, 1)
    when = f"{runs[0]:%Y-%m-%d %H:%M}" if runs else "已暂停 paused".ljust(14)
    words = preview.in_words(schedule).in_(settings.CLAWDBOT_LANGUAGE)
    return f"{schedule.number}  {when}  {schedule.owner.name}  {words}  {schedule.command}"
