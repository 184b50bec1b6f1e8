"""A model server that takes its time: `python -m benchmarks.models.server PORT FIRST_S TOTAL_S`.

It speaks as little of Chat Completions as is needed, so that it costs little. Streams begin after
FIRST_S and end after TOTAL_S; a whole answer comes after TOTAL_S. `GET /load` says how many calls
there were, and how many at most at once since that was last asked.
"""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import dataclass
from typing import Any

import uvloop

from benchmarks.wire import content_length

MODEL = "patient"
ALIAS = "bench"  # as the installation calls it
WORD = "word "
PIECES = 20
BACKLOG = 2048
SSE = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


@dataclass
class Patient:
    """The server; times in seconds."""

    first_s: float
    total_s: float
    asked: int = 0
    now: int = 0
    most: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, kept alive."""
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                body = await reader.readexactly(content_length(head) or 0)
                if head.startswith(b"GET /load"):
                    writer.write(_whole(self._load()))
                    continue
                await self._answer(json.loads(body), writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    def _load(self) -> dict[str, int]:
        found = {"asked": self.asked, "most": self.most}
        self.most = self.now
        return found

    async def _answer(self, body: dict[str, Any], writer: asyncio.StreamWriter) -> None:
        self.asked += 1
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            if body.get("stream"):
                await self._stream(writer)
            else:
                await asyncio.sleep(self.total_s)
                writer.write(_whole(_completion(WORD * PIECES)))
        finally:
            self.now -= 1

    async def _stream(self, writer: asyncio.StreamWriter) -> None:
        writer.write(SSE)
        await asyncio.sleep(self.first_s)
        pause = (self.total_s - self.first_s) / PIECES
        for _ in range(PIECES):
            writer.write(_event(_chunk({"content": WORD})))
            await asyncio.sleep(pause)
        usage = {"choices": [], "usage": _usage()}
        end = _event(_chunk({}, "stop")) + _event({**_chunk({}), **usage})
        writer.write(end + _part(b"data: [DONE]\n\n") + b"0\r\n\r\n")
        await writer.drain()


def _usage() -> dict[str, int]:
    return {"prompt_tokens": 20, "completion_tokens": PIECES, "total_tokens": PIECES + 20}


def _chunk(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"id": "c", "object": "chat.completion.chunk", "model": MODEL, "choices": [choice]}


def _completion(text: str) -> dict[str, Any]:
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    head = {"id": "c", "object": "chat.completion", "model": MODEL}
    return {**head, "choices": [choice], "usage": _usage()}


def _event(data: dict[str, Any]) -> bytes:
    return _part(f"data: {json.dumps(data)}\n\n".encode())


def _part(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def _whole(body: dict[str, Any]) -> bytes:
    data = json.dumps(body).encode()
    head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(data)}"
    return head.encode() + b"\r\n\r\n" + data


async def main() -> None:
    """Serve until ended."""
    port, first_s, total_s = int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3])
    patient = Patient(first_s, total_s)
    server = await asyncio.start_server(patient.serve, "127.0.0.1", port, backlog=BACKLOG)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main())
