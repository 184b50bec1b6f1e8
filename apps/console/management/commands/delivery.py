"""`manage.py delivery …`: what went out, what did not, and once more."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from apps.console.cli import ConsoleCommand, Options, Refused, cli_actor, table
from apps.core.i18n import both
from apps.im.models import Delivery
from apps.im.replay import replay

STATES = [state for state, _ in Delivery.STATES]


class Command(ConsoleCommand):
    """List deliveries and send them again."""

    help = "Deliveries, the outbox. 投递(发件箱)。"

    def add_arguments(self, parser: CommandParser) -> None:
        """The verbs and what they take."""
        verbs = self.verbs(parser)
        shown = self.verb(
            verbs, "list", self._list, both("列出最近的投递", "list the latest"), as_json=True
        )
        shown.add_argument("--state", choices=STATES)
        shown.add_argument("--bot", metavar="SLUG")
        shown.add_argument("--limit", type=int, default=50, metavar="N")
        again = self.verb(
            verbs, "replay", self._replay, both("用原来的键重发", "send again, same key")
        )
        again.add_argument("ids", nargs="+", type=int, metavar="ID")

    def _list(self, options: Options) -> None:
        rows = Delivery.objects.select_related("bot").order_by("-pk")
        if options["state"]:
            rows = rows.filter(state=options["state"])
        if options["bot"]:
            rows = rows.filter(bot__slug=options["bot"])
        found = [_shown(row) for row in rows[: max(0, options["limit"])]]
        head = ("ID", "BOT", "ROLE", "STATE", "TRIES", "ERROR")
        lines = [
            (d["id"], d["bot"], d["role"], d["state"], d["attempts"], d["last_error"][:60])
            for d in found
        ]
        self.show(options, found, table([head, *lines]))

    def _replay(self, options: Options) -> None:
        rows = Delivery.objects.in_bulk(options["ids"])
        missing = ", ".join(str(one) for one in options["ids"] if one not in rows)
        if missing:
            raise Refused(both(f"没有投递 {missing}。", f"There is no delivery {missing}."))
        for number in options["ids"]:
            replay(rows[number], cli_actor())
            self.say(both(f"投递 {number} 将重发。", f"Delivery {number} goes out again."))


def _shown(row: Delivery) -> dict[str, Any]:
    return {
        "id": row.pk,
        "key": str(row.key),
        "bot": row.bot.slug,
        "role": row.role,
        "state": row.state,
        "attempts": row.attempts,
        "created_at": row.created_at.isoformat(),
        "sent_at": row.sent_at.isoformat() if row.sent_at else None,
        "chat_id": row.chat_id,
        "last_error": row.last_error,
        "trace_id": row.trace_id,
    }
