"""The web chat: built in; the row of a delivery is what the page shows, a push only hurries it."""

from __future__ import annotations

import structlog

from apps.core.i18n import both
from apps.im.base import Abilities, Outgoing, Platform, SendContext, Sent

log = structlog.get_logger(__name__)


class WebChat(Platform):
    """Nothing has to be delivered: a page that missed a push reads the row on its next look."""

    name = "web"
    labels = both("网页聊天", "Web chat")
    abilities = Abilities(edits=True, buttons=True, forms=True, idempotency=float("inf"))
    built_in = True

    async def send(self, ctx: SendContext, out: Outgoing) -> Sent:
        """The stored row is the message; its key names it."""
        await _push(ctx, out)
        return Sent(out.key)

    async def update(self, ctx: SendContext, out: Outgoing) -> Sent:
        """The stored row was changed already."""
        await _push(ctx, out)
        return Sent(out.platform_message_id)


async def _push(ctx: SendContext, out: Outgoing) -> None:
    if ctx.push is None:
        return
    try:
        await ctx.push(out.chat_id, out)
    except Exception as error:  # noqa: BLE001 - a hint that fails must not fail the message
        log.warning("web.push_failed", error=type(error).__name__)
