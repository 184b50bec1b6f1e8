"""The server's end of a WebSocket, on a connection of `HttpStand` that asked to be upgraded."""

from __future__ import annotations

import asyncio
from typing import Any

from websockets.frames import Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol

from apps.simulate.server import Call


class Frames:
    """Text frames in and out; `recv` gives None when the other side is gone."""

    def __init__(
        self, call: Call, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._reader, self._writer = reader, writer
        self._protocol = ServerProtocol(max_size=8 * 1024 * 1024)
        self._ready: list[str] = []
        lines = [f"GET {call.path} HTTP/1.1", *(f"{k}: {v}" for k, v in call.headers.items())]
        self._protocol.receive_data(("\r\n".join(lines) + "\r\n\r\n").encode())
        self._events()

    async def recv(self) -> str | None:
        """The next text."""
        while not self._ready:
            data = await self._reader.read(65536)
            if not data:
                return None
            self._protocol.receive_data(data)
            self._events()
            if self._protocol.close_expected() and not self._ready:
                return None
        return self._ready.pop(0)

    async def send(self, text: str) -> None:
        """Send one text."""
        self._protocol.send_text(text.encode())
        self._flush()
        await self._writer.drain()

    def close(self) -> None:
        """Say goodbye and hang up."""
        self._protocol.send_close(1000)
        self._flush()
        self._writer.close()

    def abort(self) -> None:
        """Hang up without a word."""
        self._writer.transport.abort()

    def _events(self) -> None:
        for event in self._protocol.events_received():
            self._event(event)
        self._flush()

    def _event(self, event: Any) -> None:
        if isinstance(event, Request):
            self._protocol.send_response(self._protocol.accept(event))
        elif event.opcode is Opcode.TEXT:
            assert event.fin, "the stand takes whole messages"
            self._ready.append(bytes(event.data).decode())

    def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            if data:
                self._writer.write(data)
