"""The load: signed webhooks over kept-alive connections, and the sink that receives the replies."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import time
from dataclasses import dataclass, field

SECRET_BYTES = b"benchmark-secret-benchmark-secret"
SECRET = "whsec_" + base64.b64encode(SECRET_BYTES).decode()


def signed(event_id: str, body: bytes) -> dict[str, str]:
    """The three headers of the Standard Webhooks convention."""
    stamp = str(int(time.time()))
    mac = hmac.new(SECRET_BYTES, f"{event_id}.{stamp}.".encode() + body, hashlib.sha256)
    signature = base64.b64encode(mac.digest()).decode()
    return {
        "webhook-id": event_id,
        "webhook-timestamp": stamp,
        "webhook-signature": f"v1,{signature}",
    }


class Connection:
    """One kept-alive HTTP/1.1 connection; as little work as possible per request."""

    def __init__(self, host: str, port: int) -> None:
        self.host, self.port = host, port
        self.reader: asyncio.StreamReader | None = None
        self.writer: asyncio.StreamWriter | None = None

    async def post(self, path: str, headers: dict[str, str], body: bytes) -> int:
        """Send, read the whole answer, return its status."""
        if self.writer is None or self.reader is None:
            self.reader, self.writer = await asyncio.open_connection(self.host, self.port)
        lines = [f"POST {path} HTTP/1.1", f"host: {self.host}", "content-type: application/json"]
        lines += [f"{k}: {v}" for k, v in headers.items()]
        lines += [f"content-length: {len(body)}", "", ""]
        self.writer.write("\r\n".join(lines).encode() + body)
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = next(
            int(line.split(b":")[1])
            for line in head.lower().split(b"\r\n")
            if line.startswith(b"content-length:")
        )
        await self.reader.readexactly(length)
        return int(head[9:12])


class Sink:
    """Receives replies and wakes whoever waits for the answer to a message id."""

    def __init__(self) -> None:
        self.waiting: dict[str, asyncio.Event] = {}
        self.answers: dict[str, int] = {}
        self.port = 0

    async def start(self) -> None:
        """Listen on a free loopback port."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = next(
                    int(line.split(b":")[1])
                    for line in head.lower().split(b"\r\n")
                    if line.startswith(b"content-length:")
                )
                self._take(await reader.readexactly(length))
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")
        except (asyncio.IncompleteReadError, ConnectionResetError):
            writer.close()

    def _take(self, body: bytes) -> None:
        reply = json.loads(body)
        if reply.get("role", "answer") != "answer":
            return
        asked = reply["in_reply_to"]
        self.answers[asked] = self.answers.get(asked, 0) + 1
        if asked in self.waiting:
            self.waiting[asked].set()


@dataclass
class Run:
    """What one load gave: seconds, the latencies, and how often something was answered twice."""

    seconds: float = 0.0
    latencies_ms: list[float] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)
    twice: int = 0

    def percentile(self, share: float) -> float:
        """A latency in milliseconds."""
        ordered = sorted(self.latencies_ms)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


async def ping_load(
    port: int, path: str, sink: Sink, *, chats: int, messages: int, tag: str
) -> Run:
    """`chats` people send `/ping` one after another, each waiting for its answer."""
    run = Run()
    each = max(1, messages // chats)

    async def person(number: int) -> None:
        connection = Connection("127.0.0.1", port)
        for count in range(each):
            event = f"{tag}-{number}-{count}"
            body = json.dumps(
                {
                    "id": event,
                    "sender": {"id": f"u{number}", "name": f"u{number}"},
                    "conversation": {"id": f"c{number}", "type": "private"},
                    "text": "/ping",
                }
            ).encode()
            done = sink.waiting[event] = asyncio.Event()
            began = time.perf_counter()
            status = await connection.post(path, signed(event, body), body)
            run.statuses[status] = run.statuses.get(status, 0) + 1
            await asyncio.wait_for(done.wait(), 30)
            run.latencies_ms.append((time.perf_counter() - began) * 1000)
            del sink.waiting[event]

    began = time.perf_counter()
    await asyncio.gather(*(person(n) for n in range(chats)))
    run.seconds = time.perf_counter() - began
    run.twice = sum(1 for key, n in sink.answers.items() if key.startswith(tag) and n > 1)
    return run


async def ack_load(port: int, path: str, *, connections: int, messages: int, tag: str) -> Run:
    """Signed events at `connections` at once; only the acknowledgement counts."""
    run = Run()
    each = max(1, messages // connections)

    async def sender(number: int) -> None:
        connection = Connection("127.0.0.1", port)
        for count in range(each):
            event = f"{tag}-{number}-{count}"
            body = json.dumps(
                {
                    "id": event,
                    "sender": {"id": f"u{number}", "name": f"u{number}"},
                    "conversation": {"id": f"c{number}", "type": "private"},
                    "text": "/ping",
                }
            ).encode()
            began = time.perf_counter()
            status = await connection.post(path, signed(event, body), body)
            run.statuses[status] = run.statuses.get(status, 0) + 1
            run.latencies_ms.append((time.perf_counter() - began) * 1000)

    began = time.perf_counter()
    await asyncio.gather(*(sender(n) for n in range(connections)))
    run.seconds = time.perf_counter() - began
    return run
