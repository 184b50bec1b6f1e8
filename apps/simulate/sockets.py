"""The server's side of one WebSocket, on a connection that a stand-in has already accepted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from urllib.parse import urlencode

from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol

from apps.simulate.server import Call


class Socket:
    """`await open()`, then `send` and iterate; the library's own protocol answers pings."""

    def __init__(
        self, call: Call, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._reader, self._writer = reader, writer
        self._protocol = ServerProtocol()
        self._protocol.receive_data(_head(call))

    async def open(self) -> None:
        """Finish the handshake."""
        (request,) = self._protocol.events_received()
        assert isinstance(request, Request)
        self._protocol.send_response(self._protocol.accept(request))
        await self._flush()

    async def send(self, text: str) -> None:
        """Send one frame of text."""
        self._protocol.send_text(text.encode())
        await self._flush()

    async def close(self, code: int = 1000) -> None:
        """Say goodbye."""
        self._protocol.send_close(code)
        await self._flush()

    def cut(self) -> None:
        """End without a word."""
        self._writer.transport.abort()

    async def __aiter__(self) -> AsyncIterator[str]:
        """The frames of text that come, until the other side ends it."""
        while data := await self._reader.read(65536):
            self._protocol.receive_data(data)
            for event in self._protocol.events_received():
                if isinstance(event, Frame) and event.opcode is Opcode.TEXT:
                    yield bytes(event.data).decode()
            await self._flush()

    async def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            if data:
                self._writer.write(data)
            elif self._writer.can_write_eof():
                self._writer.write_eof()
        await self._writer.drain()


def _head(call: Call) -> bytes:
    query = f"?{urlencode(call.query)}" if call.query else ""
    lines = [f"{call.method} {call.path}{query} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in call.headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
