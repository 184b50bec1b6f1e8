"""The long connection of the stand-in of Feishu: an endpoint to ask for, and a WebSocket.

Frames as in `pbbp2.proto` of lark-oapi; written down here once more, apart from the adapter.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from typing import Any

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

ENDPOINT = "/callback/ws/endpoint"
PART = 600  # bytes of an event in one frame, so that large ones come in several


class LongConnection:
    """The open sockets of one app; an event goes to one of them."""

    def __init__(self) -> None:
        self.sockets: list[ServerConnection] = []
        self.acks: dict[str, dict[str, Any]] = {}
        self.pings = 0
        self.ping_s = 120
        self._server: Server | None = None

    @property
    def live(self) -> list[ServerConnection]:
        """Those that are still open."""
        return [one for one in self.sockets if one.close_code is None]

    @property
    def url(self) -> str:
        """Where to connect to."""
        assert self._server is not None
        port = next(iter(self._server.sockets)).getsockname()[1]
        return f"ws://127.0.0.1:{port}/ws/v2?device_id=d1&service_id=4711"

    async def open(self) -> None:
        """Listen on a port of its own."""
        self._server = await serve(self._serve, "127.0.0.1", 0)

    async def close(self) -> None:
        """Hang up at once, without a word."""
        for socket in self.live:
            socket.transport.abort()
        if self._server is not None:
            self._server.close()

    async def push(self, event: dict[str, Any]) -> dict[str, Any]:
        """Send an event to the newest connection; returns its acknowledgement."""
        name = uuid.uuid4().hex
        data = json.dumps(event, ensure_ascii=False).encode()
        parts = [data[at : at + PART] for at in range(0, len(data), PART)] or [b""]
        socket = self.live[-1]
        for number, part in enumerate(parts):
            headers = {
                "type": "event", "message_id": name, "sum": str(len(parts)),
                "seq": str(number), "trace_id": "t-" + name,
            }  # fmt: skip
            await socket.send(frame(1, headers, part))
        async with asyncio.timeout(10):
            while name not in self.acks:
                await asyncio.sleep(0.005)
        return self.acks[name]

    async def _serve(self, socket: ServerConnection) -> None:
        self.sockets.append(socket)
        try:
            async for data in socket:
                assert isinstance(data, bytes)
                await self._heard(socket, *read(data))
        except ConnectionClosed:
            pass  # the other side went away without a word, which is its good right

    async def _heard(
        self, socket: ServerConnection, method: int, headers: dict[str, str], payload: bytes
    ) -> None:
        if method == 0:
            assert headers == {"type": "ping"}, headers
            self.pings += 1
            conf = json.dumps({"PingInterval": self.ping_s}).encode()
            await socket.send(frame(0, {"type": "pong"}, conf))
        else:
            self.acks[headers["message_id"]] = json.loads(payload)


def frame(method: int, headers: dict[str, str], payload: bytes) -> bytes:
    """The bytes of a frame of service 4711."""
    out = _varint(1 << 3) + _varint(9) + _varint(2 << 3) + _varint(8)
    out += _varint(3 << 3) + _varint(4711) + _varint(4 << 3) + _varint(method)
    for name, value in headers.items():
        out += _chunk(5, _chunk(1, name.encode()) + _chunk(2, value.encode()))
    return out + _chunk(8, payload)


def read(data: bytes) -> tuple[int, dict[str, str], bytes]:
    """Method, headers and payload of a frame."""
    method, headers, payload = 0, {}, b""
    for number, value in _parsed(data):
        if number == 4 and isinstance(value, int):
            method = value
        elif number == 5 and isinstance(value, bytes):
            pair = dict(_parsed(value))
            name, text = pair[1], pair[2]
            assert isinstance(name, bytes)
            assert isinstance(text, bytes)
            headers[name.decode()] = text.decode()
        elif number == 8 and isinstance(value, bytes):
            payload = value
    return method, headers, payload


def _parsed(data: bytes) -> list[tuple[int, int | bytes]]:
    found: list[tuple[int, int | bytes]] = []
    rest = data
    while rest:
        tag, rest = _take(rest)
        value, rest = _take(rest)
        if tag & 7 == 2:
            found.append((tag >> 3, rest[:value]))
            rest = rest[value:]
        else:
            found.append((tag >> 3, value))
    return found


def _take(data: bytes) -> tuple[int, bytes]:
    value = 0
    for place, byte in enumerate(data):
        value += (byte & 127) << 7 * place
        if byte < 128:
            return value, data[place + 1 :]
    raise ValueError("a number without end")


def _varint(value: int) -> bytes:
    out = b""
    while value > 127:
        out += bytes([value % 128 + 128])
        value //= 128
    return out + bytes([value])


def _chunk(number: int, data: bytes) -> bytes:
    return _varint(number * 8 + 2) + _varint(len(data)) + data
