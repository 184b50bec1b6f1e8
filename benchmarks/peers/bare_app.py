"""The limit: a bare ASGI handler, one Redis list, a bare consumer, one POST.

It verifies the signature, drops repeats and answers `pong`; it has no people, no rights, no
durable rows. `uvicorn benchmarks.peers.bare_app:app` is the web side, `python -m` this consumes.
"""

from __future__ import annotations

import asyncio
import json
import os
from typing import Any

import httpx2
import redis.asyncio

from benchmarks.peers.verify import genuine, read, reply

REPLY = os.environ.get("PEER_REPLY", "")
SCRIPT = """
if redis.call('SET', KEYS[1], '1', 'NX', 'EX', 3600) then redis.call('LPUSH', KEYS[2], ARGV[1]) end
"""
client = redis.asyncio.Redis.from_url(os.environ.get("PEER_REDIS", "redis://"), socket_timeout=60)


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Verify, enqueue, answer."""
    headers = dict(scope["headers"])
    body = await read(receive)
    status = 403
    if genuine(headers, body):
        message = json.loads(body)
        if message["text"] == "/ping":
            await client.eval(SCRIPT, 2, b"seen:" + headers[b"webhook-id"], b"bare", body)
            status = 202
    await reply(send, status)


async def consume() -> None:
    """Take messages and POST `pong`, 16 at a time."""
    slots = asyncio.Semaphore(16)
    tasks: set[asyncio.Task[None]] = set()
    async with httpx2.AsyncClient() as http:

        async def answer(raw: bytes) -> None:
            try:
                message = json.loads(raw)
                answer = {"in_reply_to": message["id"], "role": "answer", "text": "pong"}
                await http.post(REPLY, json=answer)
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
