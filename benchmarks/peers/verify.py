"""What the peers on the `webhook` platform share: read the request, check its signature."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from typing import Any

from benchmarks.dialects import SECRET_BYTES


async def read(receive: Any) -> bytes:
    """The whole body of an ASGI request."""
    body = b""
    while True:
        event = await receive()
        body += event.get("body", b"")
        if not event.get("more_body"):
            return body


def genuine(headers: dict[bytes, bytes], body: bytes) -> bool:
    """Was it signed with the secret, within the last five minutes?"""
    event_id, stamp = headers[b"webhook-id"], headers[b"webhook-timestamp"]
    mac = hmac.new(SECRET_BYTES, event_id + b"." + stamp + b"." + body, hashlib.sha256)
    given = base64.b64decode(headers[b"webhook-signature"].split(b",", 1)[1])
    return hmac.compare_digest(mac.digest(), given) and abs(time.time() - int(stamp)) < 300


async def reply(send: Any, status: int) -> None:
    """A short answer."""
    start = {"type": "http.response.start", "status": status}
    await send({**start, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"{}"})
