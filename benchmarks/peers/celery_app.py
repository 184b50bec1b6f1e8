"""Stock Celery: an async view that verifies and calls `task.delay()`, a prefork worker that POSTs.

Everything is as Celery comes: early acknowledgement, its own pool and prefetching. It keeps nothing
but the queue and does not drop repeats.
"""

from __future__ import annotations

import json
import os
from functools import cache
from typing import Any

import httpx2
from celery import Celery

from benchmarks.peers.verify import genuine, read, reply

app = Celery("peer", broker=os.environ.get("PEER_BROKER", "memory://"))


@cache
def http() -> httpx2.Client:
    """One kept-alive client for each process."""
    return httpx2.Client()


@app.task
def answer(message_id: str) -> None:
    """The job: one POST."""
    body = {"in_reply_to": message_id, "role": "answer", "text": "pong"}
    http().post(os.environ["PEER_REPLY"], json=body)


@app.task
def nothing() -> None:
    """A job that does nothing."""


async def view(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Verify, `delay()`, answer."""
    body = await read(receive)
    status = 403
    if genuine(dict(scope["headers"]), body):
        answer.delay(json.loads(body)["id"])
        status = 202
    await reply(send, status)
