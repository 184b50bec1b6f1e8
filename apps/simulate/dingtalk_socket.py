"""The gateway of DingTalk's long connection: tickets that serve once, frames, acknowledgements."""

from __future__ import annotations

import asyncio
import json
import uuid
from typing import Any
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed


class Gateway:
    """The open sockets of one app; a frame goes to the newest."""

    def __init__(self) -> None:
        self.sockets: list[ServerConnection] = []
        self.acks: dict[str, dict[str, Any]] = {}
        self.tickets: set[str] = set()
        self.problems: list[str] = []
        self._server: Server | None = None

    @property
    def live(self) -> list[ServerConnection]:
        """Those that are still open."""
        return [one for one in self.sockets if one.close_code is None]

    def offer(self) -> dict[str, str]:
        """An endpoint and a ticket, with letters that have to be quoted."""
        assert self._server is not None
        ticket = f"{uuid.uuid4()}+/="
        self.tickets.add(ticket)
        port = next(iter(self._server.sockets)).getsockname()[1]
        return {"endpoint": f"ws://127.0.0.1:{port}/connect", "ticket": ticket}

    async def open(self) -> None:
        """Listen on a port of its own."""
        self._server = await serve(self._serve, "127.0.0.1", 0)

    async def close(self) -> None:
        """Hang up at once, without a word."""
        for socket in self.live:
            socket.transport.abort()
        if self._server is not None:
            self._server.close()

    async def push(self, frame: str, *, wait: bool = True) -> dict[str, Any]:
        """Send a frame; returns its acknowledgement, {} when none is waited for."""
        await self.live[-1].send(frame)
        name = json.loads(frame)["headers"].get("messageId", "")
        if not wait:
            return {}
        async with asyncio.timeout(10):
            while name not in self.acks:
                await asyncio.sleep(0.005)
        return self.acks[name]

    async def _serve(self, socket: ServerConnection) -> None:
        assert socket.request is not None
        given = parse_qs(urlsplit(socket.request.path).query).get("ticket", [""])[0]
        if given not in self.tickets:
            self.problems.append("a ticket that is none")
            return
        self.tickets.discard(given)
        self.sockets.append(socket)
        try:
            async for data in socket:
                self._heard(data)
        except ConnectionClosed:
            pass  # the other side went away without a word, which is its good right

    def _heard(self, data: str | bytes) -> None:
        answer = json.loads(data)
        wrong = set(answer) != {"code", "headers", "message", "data"}
        if wrong or set(answer["headers"]) != {"contentType", "messageId"}:
            self.problems.append(f"not an acknowledgement: {answer}")
            return
        json.loads(answer["data"])  # a string that holds JSON
        self.acks[answer["headers"]["messageId"]] = answer
