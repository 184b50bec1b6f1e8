"""Streamed calls of Chat Completions, many at once, and when their first word came."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.models.server import WORD

PATIENCE_S = 120.0
BLOCK = 65536
_WORD = WORD.strip().encode()


@dataclass(frozen=True, slots=True)
class Door:
    """Where calls go: past us to the model's server, or through the gateway with a token."""

    port: int
    model: str
    token: str

    @property
    def request(self) -> bytes:
        """One streamed call; the connection is closed after it, so that its end shows."""
        turns = [{"role": "user", "content": "Say some words, please."}]
        body = json.dumps({"model": self.model, "stream": True, "messages": turns}).encode()
        lines = [
            "POST /v1/chat/completions HTTP/1.1", "host: 127.0.0.1",
            f"authorization: Bearer {self.token}", "content-type: application/json",
            f"content-length: {len(body)}", "connection: close", "", "",
        ]  # fmt: skip
        return "\r\n".join(lines).encode() + body


@dataclass(frozen=True, slots=True)
class Heard:
    """One call, in milliseconds from when it was to be made; `ok`: every word of it came."""

    ok: bool
    first_ms: float
    total_ms: float


async def once(door: Door) -> Heard:
    """One call on a connection of its own."""
    began = time.perf_counter()
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
    try:
        writer.write(door.request)
        seen, first_ms = b"", 0.0
        async with asyncio.timeout(PATIENCE_S):
            while b"[DONE]" not in seen and (block := await reader.read(BLOCK)):
                seen += block
                if not first_ms and _WORD in seen:
                    first_ms = _since(began)
    finally:
        writer.close()
    ok = seen.startswith(b"HTTP/1.1 200") and b"[DONE]" in seen
    return Heard(ok and bool(first_ms), first_ms, _since(began))


async def at_once(door: Door, count: int) -> list[Heard]:
    """So many in the same moment."""
    return await asyncio.gather(*(once(door) for _ in range(count)))


async def kept_up(door: Door, count: int, each_s: float, seconds: float) -> list[Heard]:
    """So many under way all the time: each caller calls again as soon as it was answered.

    They begin one after the other within `each_s`, what a call takes, and go on for `seconds`.
    """
    heard: list[Heard] = []
    ends = time.perf_counter() + each_s + seconds

    async def caller(number: int) -> None:
        await asyncio.sleep(each_s * number / count)
        while time.perf_counter() < ends:
            heard.append(await once(door))

    await asyncio.gather(*(caller(number) for number in range(count)))
    return heard


def _since(began: float) -> float:
    return (time.perf_counter() - began) * 1000


def percentile(values: Sequence[float], share: float) -> float:
    """Of values in any order; 0 of none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0
