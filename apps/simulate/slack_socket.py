"""Socket Mode of the stand-in of Slack: addresses that are good once, and envelopes."""

from __future__ import annotations

import asyncio
import json
import uuid
from typing import Any
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

ACK_S = 10.0


class SocketMode:
    """The open sockets of one app; an envelope goes to the newest of them."""

    def __init__(self) -> None:
        self.sockets: list[ServerConnection] = []
        self.acks: list[str] = []
        self._tickets: set[str] = set()
        self._server: Server | None = None

    @property
    def live(self) -> list[ServerConnection]:
        """Those that are still open, oldest first."""
        return [one for one in self.sockets if one.close_code is None]

    def address(self) -> str:
        """Where to connect to, once."""
        assert self._server is not None
        port = next(iter(self._server.sockets)).getsockname()[1]
        ticket = uuid.uuid4().hex
        self._tickets.add(ticket)
        return f"ws://127.0.0.1:{port}/link/?ticket={ticket}&app_id=A0STAND"

    async def open(self) -> None:
        """Listen on a port of its own."""
        self._server = await serve(self._serve, "127.0.0.1", 0)

    async def close(self) -> None:
        """Hang up at once, without a word."""
        for socket in self.live:
            socket.transport.abort()
        if self._server is not None:
            self._server.close()

    async def push(self, kind: str, payload: dict[str, Any], *, retry: int = 0) -> str:
        """Send an envelope; returns its id."""
        envelope = {
            "envelope_id": str(uuid.uuid4()),
            "type": kind,
            "payload": payload,
            "accepts_response_payload": kind != "events_api",
            "retry_attempt": retry,
            "retry_reason": "timeout" if retry else "",
        }
        await self.frame(json.dumps(envelope, ensure_ascii=False))
        return str(envelope["envelope_id"])

    async def acknowledged(self, envelope: str) -> None:
        """Wait for the acknowledgement of an envelope. Raises TimeoutError."""
        async with asyncio.timeout(ACK_S):
            while envelope not in self.acks:
                await asyncio.sleep(0.005)

    async def frame(self, text: str) -> None:
        """Send anything to the newest connection."""
        await self.live[-1].send(text)

    async def disconnect(self, reason: str) -> None:
        """Say that the newest connection will be closed."""
        await self.frame(json.dumps({"type": "disconnect", "reason": reason}))

    async def hang_up(self) -> None:
        """Close the oldest connection."""
        await self.live[0].close()

    async def _serve(self, socket: ServerConnection) -> None:
        assert socket.request is not None
        (ticket,) = parse_qs(urlsplit(socket.request.path).query).get("ticket", [""])
        if ticket not in self._tickets:
            await socket.close(1008, "no such ticket")
            return
        self._tickets.discard(ticket)
        self.sockets.append(socket)
        try:
            await socket.send(json.dumps({"type": "hello", "num_connections": len(self.live)}))
            async for text in socket:
                self.acks.append(json.loads(text)["envelope_id"])
        except ConnectionClosed:
            pass  # the other side went away without a word, which is its good right
