"""The ASGI entrance for /v1/: no middleware, and no thread while a model is waited for.

Whoever hangs up ends their call: the vendor is not asked any further, and what was used counts.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import Any

from django.conf import settings

from apps.accounts.models import Person
from apps.api.openai import errors
from apps.api.openai.errors import Crowded, TooLarge
from apps.api.openai.handler import answer, known
from apps.api.openai.reply import Reply
from apps.core.errors import ClawdbotError

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

LARGEST_BODY_MIB = 4
SLOWEST_BODY_S = 30.0
#: Until a caller takes the next piece of an answer: a place and a connection wait with it.
SLOWEST_READER_S = 30.0
#: Calls under way in one process: each holds its question in memory.
MOST = 1000
#: Of one person or system: what is left is for the others.
MOST_EACH = 250


class Gone(Exception):
    """The caller hung up."""


class OpenAiApp:
    """Serves `/v1/…`; made once per process."""

    def __init__(self) -> None:
        self._under_way: Counter[int] = Counter()

    @property
    def under_way(self) -> int:
        """How many calls there are in this process."""
        return self._under_way.total()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; no body is read, and no place held, before it is known whose."""
        headers = {k.decode("latin-1").lower(): v.decode("latin-1") for k, v in scope["headers"]}
        person = await known(headers)
        if isinstance(person, Reply):
            await _write(send, person)
            return
        if self.under_way >= MOST or self._under_way[person.pk] >= MOST_EACH:
            await _write(send, _refused(Crowded()))
            return
        self._under_way[person.pk] += 1
        try:
            await self._serve(person, scope, receive, send)
        finally:
            self._under_way[person.pk] -= 1
            if not self._under_way[person.pk]:
                del self._under_way[person.pk]

    async def _serve(self, person: Person, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            async with asyncio.timeout(SLOWEST_BODY_S):
                body = await _read(receive)
        except (Gone, TimeoutError):
            return
        if body is None:
            await _write(send, _refused(TooLarge(limit=LARGEST_BODY_MIB)))
            return
        work = asyncio.create_task(_answer(person, scope, body, send))
        gone = asyncio.create_task(_gone(receive))
        try:
            await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if hung_up := not work.done():
                work.cancel()
            gone.cancel()
            await asyncio.wait({work, gone})
        if not hung_up:
            with contextlib.suppress(Gone):
                work.result()


async def _answer(person: Person, scope: Scope, body: bytes, send: Send) -> None:
    await _write(send, await answer(person, scope["method"], scope["path"], body))


async def _read(receive: Receive) -> bytes | None:
    """The whole body, or None when it is too large. Raises `Gone`."""
    chunks: list[bytes] = []
    size = 0
    while True:
        event = await receive()
        if event["type"] == "http.disconnect":
            raise Gone
        chunks.append(event.get("body", b""))
        size += len(chunks[-1])
        if size > LARGEST_BODY_MIB * 1024 * 1024:
            return None
        if not event.get("more_body"):
            return b"".join(chunks)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue


async def _write(send: Send, reply: Reply) -> None:
    headers = reply.all_headers
    document = b""
    if reply.events is None:
        document = reply.encoded()
        headers["content-length"] = str(len(document))
    send = _patient(send)
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": reply.status, "headers": raw})
    if reply.events is not None:
        async with aclosing(reply.events) as events:
            async for event in events:
                await send({"type": "http.response.body", "body": event, "more_body": True})
    await send({"type": "http.response.body", "body": document})


def _patient(send: Send) -> Send:
    """The same for so long: whoever stops reading is gone. Raises `Gone`."""

    async def within(event: dict[str, Any]) -> None:
        try:
            async with asyncio.timeout(SLOWEST_READER_S):
                await send(event)
        except TimeoutError:
            raise Gone from None

    return within


def _refused(error: ClawdbotError) -> Reply:
    return errors.refusal(error, settings.CLAWDBOT_LANGUAGE)
