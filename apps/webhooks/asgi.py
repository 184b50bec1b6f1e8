"""The ASGI entrance for /webhooks/: no middleware, the body read with a cap and a deadline."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qsl

from apps.core.clients import client_address
from apps.im.base import InboundRequest
from apps.webhooks import answers
from apps.webhooks.answers import Answer
from apps.webhooks.ingress import Ingress

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

LARGEST_BODY = 1024 * 1024
SLOWEST_BODY_S = 10.0
METHODS = {"GET", "POST", "PUT"}


class Gone(Exception):
    """The caller hung up before the body was whole."""


class WebhookApp:
    """Serves `/webhooks/<platform>/<slug>/…`; made once per process."""

    def __init__(self) -> None:
        self.ingress = Ingress()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        try:
            answer = await self._answer(scope, receive)
        except Gone:
            return
        await respond(send, answer)

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        parts = scope["path"].split("/", 4)
        if len(parts) < 4 or not parts[2] or not parts[3]:
            return answers.refuse(404, "unknown_bot")
        if scope["method"] not in METHODS:
            return answers.refuse(405, "method")
        headers = {k.decode("latin-1").lower(): v.decode("latin-1") for k, v in scope["headers"]}
        address = client_address((scope.get("client") or ("unknown", 0))[0], headers)
        try:
            async with asyncio.timeout(SLOWEST_BODY_S):
                body = await read_body(headers, receive)
        except TimeoutError:
            return self.ingress.refuse(parts[2], address, answers.refuse(408, "too_slow"))
        if body is None:
            return self.ingress.refuse(parts[2], address, answers.refuse(413, "too_large"))
        raw = scope["query_string"].decode("latin-1")
        query = dict(parse_qsl(raw, keep_blank_values=True, encoding="utf-8")) if raw else {}
        query["__raw__"] = raw
        request = InboundRequest(scope["method"], scope["path"], query, headers, body)
        return await self.ingress.handle(parts[2], parts[3], request, address)


def too_long(length: str) -> bool:
    """Does a Content-Length promise more than 1 MiB? Nonsense promises nothing."""
    digits = length.lstrip("0")
    if not (digits.isascii() and digits.isdigit()):
        return False
    return len(digits) > len(str(LARGEST_BODY)) or int(digits) > LARGEST_BODY


async def read_body(headers: dict[str, str], receive: Receive) -> bytes | None:
    """The whole body, or None when it is larger than 1 MiB. Raises Gone when the caller left."""
    length = headers.get("content-length", "")
    if too_long(length):
        return None
    chunks: list[bytes] = []
    size = 0
    while True:
        event = await receive()
        if event["type"] == "http.disconnect":
            raise Gone
        chunks.append(event.get("body", b""))
        size += len(chunks[-1])
        if size > LARGEST_BODY:
            return None
        if not event.get("more_body"):
            return b"".join(chunks)


async def respond(send: Send, answer: Answer) -> None:
    """Write the answer as JSON (a str body as plain text)."""
    plain = isinstance(answer.body, str)
    body = answer.body.encode() if plain else json.dumps(answer.body, ensure_ascii=False).encode()
    kind = b"text/plain; charset=utf-8" if plain else b"application/json"
    headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode())]
    headers += [(k.lower().encode(), v.encode()) for k, v in answer.headers.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
