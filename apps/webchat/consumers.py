"""The live side of the chat page: tells it what is new in the person's own conversation.

Nothing is said through the socket, it only shows: what a page sends goes to `/chat/send/`, and a
page whose socket does not come about asks `/chat/items/`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncJsonWebsocketConsumer
from django.db import DatabaseError

from apps.assistant import conversations
from apps.core import push, strictjson
from apps.core.logging import get_logger
from apps.im.models import Bot
from apps.webchat import feed, session

#: Close codes of our own (RFC 6455, 7.4.2: 4000-4999 are private).
SIGNED_OUT = 4401
NOT_READY = 4503
#: A socket outlives its session by no more than this.
RECHECK_S = 15.0
#: News that come close together are one look at the database.
GATHER_S = 0.03
MOST_REMEMBERED = 4 * feed.PAGE

Result = TypeVar("Result")
_log = get_logger(__name__)
_pool = ThreadPoolExecutor(4, thread_name_prefix="webchat")


async def _in_thread(work: Callable[..., Result], *args: Any) -> Result:
    return await database_sync_to_async(work, thread_sensitive=False, executor=_pool)(*args)


class ChatConsumer(AsyncJsonWebsocketConsumer):
    """One open chat page."""

    conversation_id = 0
    checked_at = 0.0

    async def connect(self) -> None:
        """Let a signed-in person's own page in; without it the page learns by the close code."""
        self.session_key = session.session_key(self.scope)
        self.seen = feed.Ids()
        self.shown: dict[tuple[str, int], tuple[Any, ...]] = {}
        self.soon: asyncio.Task[None] | None = None
        if not session.own_origin(self.scope):
            await self.close()
            return
        await self.accept()
        person = await _in_thread(session.person_of, self.session_key)
        if person is None:
            await self.close(SIGNED_OUT)
            return
        try:
            self.conversation_id = (await _in_thread(conversations.own, person)).pk
        except Bot.DoesNotExist:
            await self.close(NOT_READY)
            return
        self.checked_at = time.monotonic()
        await self.channel_layer.group_add(push.group(self.conversation_id), self.channel_name)
        await self.send_json({"type": "ready"})

    async def disconnect(self, code: int) -> None:
        """Leave the conversation's group."""
        if self.soon:
            self.soon.cancel()
        if self.conversation_id:
            group = push.group(self.conversation_id)
            await self.channel_layer.group_discard(group, self.channel_name)

    async def receive(
        self, text_data: str | None = None, bytes_data: bytes | None = None, **kwargs: Any
    ) -> None:
        """The page asks what is newer than the ids it has: `{"message": 3, "delivery": 5}`."""
        try:
            content = strictjson.loads(text_data or "")
        except strictjson.MalformedJson:
            return
        if self.conversation_id and isinstance(content, dict):
            self.seen = feed.Ids(_id(content.get("message")), _id(content.get("delivery")))
            await self.look(answer=True)

    async def conversation_news(self, event: dict[str, Any]) -> None:
        """Something happened in the conversation."""
        if self.soon is None:
            self.soon = asyncio.create_task(self._look_soon())

    async def _look_soon(self) -> None:
        await asyncio.sleep(GATHER_S)
        self.soon = None
        try:
            await self.look()
        except (DatabaseError, OSError):
            _log.exception("webchat.look")
            await self.close(1011)

    async def look(self, *, answer: bool = False) -> None:
        """Send what is new or has changed since the last look; nothing, too, when asked."""
        if time.monotonic() - self.checked_at > RECHECK_S:
            self.checked_at = time.monotonic()
            if await _in_thread(session.person_of, self.session_key) is None:
                await self.close(SIGNED_OUT)
                return
        found = await _in_thread(feed.newer, self.conversation_id, self.seen)
        if found.cut:
            self.shown.clear()
        items = [item for item in found.items if self._remember(item)]
        if items or answer:
            await self.send_json({"type": "items", "items": items, "cut": found.cut})

    def _remember(self, item: feed.Item) -> bool:
        """Tell whether the page has yet to see this item as it is now, and note that it does."""
        key = (item["kind"], item["id"])
        now = (item["state"], item.get("revision"), item.get("job_state"))
        if self.shown.pop(key, None) == now:
            self.shown[key] = now
            return False
        self.shown[key] = now
        while len(self.shown) > MOST_REMEMBERED:
            del self.shown[next(iter(self.shown))]
        self.seen = self.seen.up_to(*key)
        return True


def _id(value: Any) -> int:
    return value if type(value) is int and 0 <= value < 2**63 else 0
