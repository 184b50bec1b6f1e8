"""A WebSocket client without a network (Channels' own needs a web server that we do not use)."""

from __future__ import annotations

import json
from typing import Any

from asgiref.testing import ApplicationCommunicator

from apps.webchat.routing import websocket_application


class Socket(ApplicationCommunicator):
    """One connection to `/ws/chat/`."""

    def __init__(self, headers: list[tuple[bytes, bytes]], path: str = "/ws/chat/") -> None:
        scope = {
            "type": "websocket",
            "path": path,
            "query_string": b"",
            "headers": headers,
            "subprotocols": [],
        }
        super().__init__(websocket_application, scope)

    async def connect(self) -> bool:
        """Open it; False when it was refused."""
        await self.send_input({"type": "websocket.connect"})
        message = await self.receive_output(3)
        return bool(message["type"] == "websocket.accept")

    async def say(self, content: Any) -> None:
        """Send a frame: text as it is, anything else as JSON."""
        text = content if isinstance(content, str) else json.dumps(content)
        await self.send_input({"type": "websocket.receive", "text": text})

    async def hear(self) -> Any:
        """Return the next frame."""
        message = await self.receive_output(3)
        assert message["type"] == "websocket.send", message
        return json.loads(message["text"])

    async def closed_with(self) -> int:
        """Return the code with which the other side closes."""
        message = await self.receive_output(3)
        assert message["type"] == "websocket.close", message
        return int(message["code"])

    async def close(self) -> None:
        """Go away."""
        await self.send_input({"type": "websocket.disconnect", "code": 1000})
        await self.wait(3)
