"""Live news to open pages: what happened in a conversation goes to whoever watches it.

News are hints. A page that missed one reads the rows again on its next look, so nothing here is
stored, repeated or allowed to fail the caller.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from concurrent.futures import Future
from functools import partial
from typing import Any

from channels.layers import get_channel_layer
from django.db import transaction

from apps.core.logging import get_logger
from apps.core.loop import outside

#: The handler of a consumer that joined the group (Channels names it by the message's type).
HANDLER = "conversation.news"
SEND_TIMEOUT_S = 2.0
#: News that wait for Redis at the same time; what comes on top is dropped.
MAX_IN_FLIGHT = 200

_log = get_logger(__name__)
_room = threading.BoundedSemaphore(MAX_IN_FLIGHT)


def group(conversation_id: int) -> str:
    """Return the channel-layer group of a conversation."""
    return f"conv.{conversation_id}"


def push(conversation_id: int, news: Mapping[str, Any]) -> None:
    """Tell the open pages of a conversation, after the transaction at hand has committed.

    For synchronous code. Returns at once and never raises; ``news`` is a small JSON object with
    a ``type``.
    """
    transaction.on_commit(partial(_hand_over, conversation_id, dict(news)), robust=True)


async def apush(conversation_id: int, news: Mapping[str, Any]) -> None:
    """The same from an event loop, at once. Never raises (but for cancellation)."""
    layer = get_channel_layer()
    if layer is None:
        return
    message = {"type": HANDLER, "news": dict(news)}
    try:
        async with asyncio.timeout(SEND_TIMEOUT_S):
            await layer.group_send(group(conversation_id), message)
    except Exception as error:  # noqa: BLE001 - a boundary: every layer has errors of its own
        _log.warning("push.failed", conversation=conversation_id, error=type(error).__name__)


def _hand_over(conversation_id: int, news: dict[str, Any]) -> None:
    if not _room.acquire(blocking=False):
        _log.warning("push.dropped", conversation=conversation_id)
        return
    outside.submit(apush(conversation_id, news)).add_done_callback(_done)


def _done(_future: Future[None]) -> None:
    _room.release()
