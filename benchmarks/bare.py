"""The limit to compare with: a bare ASGI handler, one Redis list, a bare consumer, one POST.

It verifies the signature, drops repeats and answers `pong`; it has no people, no rights, no
durable rows. `uvicorn benchmarks.bare:app` is the web side, `python -m benchmarks.bare` consumes.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import os
import time
from typing import Any

import httpx2
import redis.asyncio

from benchmarks.wire import SECRET_BYTES

SOCKET = os.environ.get("BARE_REDIS", "")
REPLY = os.environ.get("BARE_REPLY", "")
SCRIPT = """
if redis.call('SET', KEYS[1], '1', 'NX', 'EX', 3600) then redis.call('LPUSH', KEYS[2], ARGV[1]) end
"""
client = redis.asyncio.Redis.from_url(SOCKET) if SOCKET else None


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Verify, enqueue, answer."""
    assert client is not None
    headers = dict(scope["headers"])
    body = b""
    while True:
        event = await receive()
        body += event.get("body", b"")
        if not event.get("more_body"):
            break
    event_id, stamp = headers[b"webhook-id"], headers[b"webhook-timestamp"]
    mac = hmac.new(SECRET_BYTES, event_id + b"." + stamp + b"." + body, hashlib.sha256)
    given = base64.b64decode(headers[b"webhook-signature"].split(b",", 1)[1])
    status = 403
    if hmac.compare_digest(mac.digest(), given) and abs(time.time() - int(stamp)) < 300:
        message = json.loads(body)
        if message["text"] == "/ping":
            await client.eval(SCRIPT, 2, b"seen:" + event_id, b"bare", body)
            status = 202
    start = {"type": "http.response.start", "status": status}
    await send({**start, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"{}"})


async def consume() -> None:
    """Take messages and POST `pong`, 16 at a time."""
    assert client is not None
    slots = asyncio.Semaphore(16)
    tasks: set[asyncio.Task[None]] = set()
    async with httpx2.AsyncClient() as http:

        async def answer(raw: bytes) -> None:
            try:
                message = json.loads(raw)
                reply = {"in_reply_to": message["id"], "role": "answer", "text": "pong"}
                await http.post(REPLY, json=reply)
                await client.lrem("bare:work", 1, raw)
            finally:
                slots.release()

        while True:
            await slots.acquire()
            raw = await client.blmove("bare", "bare:work", 1, "RIGHT", "LEFT")
            if raw is None:
                slots.release()
                continue
            task = asyncio.create_task(answer(raw))
            tasks.add(task)
            task.add_done_callback(tasks.discard)


if __name__ == "__main__":
    asyncio.run(consume())
