"""Plain HTTP/1.1 with as little work as possible: kept-alive requests, and a sink for replies."""

from __future__ import annotations

import asyncio
import json
from urllib.parse import parse_qs


def content_length(head: bytes) -> int | None:
    """The body's length as the head gives it, None when it does not."""
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.split(b":", 1)[1])
    return None


async def _rest(reader: asyncio.StreamReader, head: bytes) -> bytes:
    """The body after a head, by length or in chunks."""
    length = content_length(head)
    if length is not None:
        return await reader.readexactly(length)
    if b"transfer-encoding: chunked" not in head.lower():
        return b""
    body = b""
    while size := int(await reader.readline(), 16):
        body += (await reader.readexactly(size + 2))[:-2]
    await reader.readline()
    return body


class Connection:
    """One kept-alive connection to a port of the loopback."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.reader: asyncio.StreamReader | None = None
        self.writer: asyncio.StreamWriter | None = None

    async def post(self, path: str, headers: dict[str, str], body: bytes) -> int:
        """Send, read the whole answer, return its status."""
        # uvicorn closes what was idle for 5 s, and an answer may take longer.
        if self.writer is None or self.reader is None or self.reader.at_eof():
            self.close()
            self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        lines = [f"POST {path} HTTP/1.1", "host: 127.0.0.1"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        lines += [f"content-length: {len(body)}", "", ""]
        self.writer.write("\r\n".join(lines).encode() + body)
        head = await self.reader.readuntil(b"\r\n\r\n")
        await _rest(self.reader, head)
        return int(head[9:12])

    def close(self) -> None:
        """Let go."""
        if self.writer is not None:
            self.writer.close()
            self.reader = self.writer = None


def reply_key(body: bytes, form: bool) -> str | None:
    """Which message a reply answers: the id that it was sent with, None for what answers none."""
    if form:
        fields = {name: values[0] for name, values in parse_qs(body.decode()).items()}
    else:
        fields = json.loads(body or b"{}")
    if fields.get("role", "answer") != "answer":
        return None
    return fields.get("in_reply_to") or fields.get("thread_ts")


class Sink:
    """Stands for every platform's API: takes replies, wakes whoever waits for one."""

    def __init__(self) -> None:
        self.waiting: dict[str, asyncio.Event] = {}
        self.answers: dict[str, int] = {}
        self.port = 0
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen on a free port of the loopback."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    def close(self) -> None:
        """Listen no more."""
        if self._server is not None:
            self._server.close()

    def expect(self, key: str) -> asyncio.Event:
        """An event that is set when the answer to this message comes."""
        event = self.waiting[key] = asyncio.Event()
        return event

    def twice(self, keys: list[str]) -> int:
        """How many of these messages were answered more than once."""
        return sum(1 for key in keys if self.answers.get(key, 0) > 1)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                answer = self._take(head, await _rest(reader, head))
                length = str(len(answer)).encode()
                writer.write(
                    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
                    b"content-length: " + length + b"\r\n\r\n" + answer
                )
        except (asyncio.IncompleteReadError, ConnectionResetError):
            writer.close()

    def _take(self, head: bytes, body: bytes) -> bytes:
        target = head.split(b" ", 2)[1]
        if target.endswith(b"/auth.test"):
            return b'{"ok":true,"user_id":"UBOT","bot_id":"BBOT","team_id":"T1","url":"http://x/"}'
        key = reply_key(body, b"application/x-www-form-urlencoded" in head.lower())
        if key is not None:
            self.answers[key] = self.answers.get(key, 0) + 1
            waiter = self.waiting.pop(key, None)
            if waiter is not None:
                waiter.set()
        return b'{"ok":true}'
