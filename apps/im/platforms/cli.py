"""The command line (`say`): built in; the row of a delivery is what the command prints."""

from __future__ import annotations

from apps.core.i18n import both
from apps.im.base import Abilities, Outgoing, Platform, SendContext, Sent


class CommandLine(Platform):
    """Nothing goes over a wire: whoever runs `say` reads the rows."""

    name = "cli"
    labels = both("命令行", "Command line")
    abilities = Abilities(edits=True, buttons=False, idempotency=float("inf"))
    built_in = True

    async def send(self, ctx: SendContext, out: Outgoing) -> Sent:
        """The stored row is the message; its key names it."""
        return Sent(out.key)

    async def update(self, ctx: SendContext, out: Outgoing) -> Sent:
        """The stored row was changed already."""
        return Sent(out.platform_message_id)
