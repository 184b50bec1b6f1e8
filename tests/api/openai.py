"""A caller of /v1/ that speaks ASGI, as a server does, so that streams and hang-ups are real."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from clawdbot.asgi import application


class Call:
    """One request; `hang_up` ends it as a client that closes its connection."""

    def __init__(
        self, method: str, path: str, token: str | None = None, body: Any = None, *,
        more: bool = False, app: Any = application,
    ) -> None:  # fmt: skip
        """`more`: the rest of the body never comes. `app` is asked in the place of the whole."""
        raw = body if isinstance(body, bytes) else json.dumps(body or {}).encode()
        headers = [(b"content-type", b"application/json")]
        if token is not None:
            headers.append((b"authorization", f"Bearer {token}".encode()))
        self._scope = {
            "type": "http", "method": method, "path": path, "query_string": b"",
            "headers": headers, "client": ("127.0.0.1", 1),
        }  # fmt: skip
        self._in: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._in.put_nowait({"type": "http.request", "body": raw, "more_body": more})
        self.status = 0
        self.headers: dict[str, str] = {}
        self.chunks: list[bytes] = []
        self._more = asyncio.Condition()
        self._task = asyncio.create_task(app(self._scope, self._in.get, self._send))

    async def _send(self, event: dict[str, Any]) -> None:
        async with self._more:
            if event["type"] == "http.response.start":
                self.status = event["status"]
                self.headers = {k.decode(): v.decode() for k, v in event["headers"]}
            elif event.get("body"):
                self.chunks.append(event["body"])
            self._more.notify_all()

    async def chunk(self, number: int) -> bytes:
        """The chunk of that number, as soon as it is there."""
        async with self._more:
            await asyncio.wait_for(self._more.wait_for(lambda: len(self.chunks) > number), 10)
        return self.chunks[number]

    def hang_up(self) -> None:
        self._in.put_nowait({"type": "http.disconnect"})

    async def end(self) -> None:
        await asyncio.wait_for(self._task, 30)

    async def answer(self) -> Any:
        """The whole answer as JSON."""
        await self.end()
        return json.loads(b"".join(self.chunks))

    async def events(self) -> list[Any]:
        """The events of a stream; the one that ends it is the text `[DONE]`."""
        await self.end()
        text = b"".join(self.chunks).decode()
        assert text.endswith("\n\n")
        found = []
        for block in text.removesuffix("\n\n").split("\n\n"):
            assert block.startswith("data: ")
            data = block.removeprefix("data: ")
            found.append(data if data == "[DONE]" else json.loads(data))
        return found
