"""A conversation with an MCP server: which revision it speaks, its tools, calling one of them.

Facts: modelcontextprotocol.io, revisions 2026-07-28 (every request carries its revision and the
client's abilities in `_meta`, mirrored in headers; no session) and 2025-11-25 and before
(`initialize`, `notifications/initialized`, perhaps `Mcp-Session-Id`).
"""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from typing import Any, TypeVar

from apps.core.http_errors import HttpError, Unknown
from apps.core.loop import outside
from apps.skills.mcp.channel import Channel, Endpoint, NoAnswer, RpcError
from apps.skills.mcp.errors import Busy, McpError, Nonsense

MODERN = "2026-07-28"
HANDSHAKE = ("2025-11-25", "2025-06-18", "2025-03-26")
UNSUPPORTED_VERSION = -32022
US = {"name": "clawdbot", "version": "1"}
MOST_PAGES = 10
MOST_TOOLS = 100
_META = "io.modelcontextprotocol/"
_PLAIN = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?")
Result = TypeVar("Result")


class Client:
    """`protocol` is what the server was found to speak, "" while nobody knows.

    All methods raise `McpError`, or `HttpError` when the server could not be reached.
    """

    def __init__(self, endpoint: Endpoint, seconds: float, protocol: str = "") -> None:
        self.protocol = protocol if protocol in (MODERN, *HANDSHAKE) else ""
        self._name = endpoint.name
        self._channel = Channel(endpoint, seconds)

    async def open(self) -> None:
        """Agree on a revision; the newest is tried first where none is known."""
        if self.protocol == MODERN:
            return
        if not self.protocol and await self._discovers():
            self.protocol = MODERN
            return
        await self._initialize()

    async def tools(self) -> list[dict[str, Any]]:
        """What the server offers, as it says it; 100 tools in 10 pages at most."""
        found: list[dict[str, Any]] = []
        cursor: str | None = None
        for _ in range(MOST_PAGES):
            page = await self._ask("tools/list", {"cursor": cursor} if cursor else {})
            listed = page.get("tools")
            if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
                raise Nonsense(server=self._name, why="tools/list without a list of tools")
            found += listed
            if len(found) > MOST_TOOLS:
                raise Nonsense(server=self._name, why=f"more than {MOST_TOOLS} tools")
            cursor = page.get("nextCursor")
            if not isinstance(cursor, str) or not cursor:
                return found
        raise Nonsense(server=self._name, why=f"more than {MOST_PAGES} pages of tools")

    async def call(
        self, tool: str, arguments: Mapping[str, Any], headers: Mapping[str, str]
    ) -> dict[str, Any]:
        """Call a tool; `headers` are the parameters that it wants to see there (2026-07-28)."""
        params = {"name": tool, "arguments": dict(arguments)}
        more = {"Mcp-Name": header_value(tool), **headers} if self.protocol == MODERN else {}
        return await self._ask("tools/call", params, more)

    async def close(self) -> None:
        """End the session, if there is one. What goes wrong there hurts nobody."""
        with suppress(HttpError, McpError):
            await self._channel.close(self._headers(""))

    async def _discovers(self) -> bool:
        """Does it speak the stateless revision? Whatever else it says to the question, it does not,
        unless it names only revisions that we do not know."""
        self.protocol = MODERN
        try:
            found = await self._ask("server/discover", {})
        except RpcError as error:
            supported = error.data.get("supported") if isinstance(error.data, dict) else None
            if error.number == UNSUPPORTED_VERSION and isinstance(supported, list):
                self._must_share(supported)
            return False
        except (NoAnswer, Busy, Nonsense):
            return False
        finally:
            self.protocol = ""
        return MODERN in (found.get("supportedVersions") or ())

    def _must_share(self, supported: list[Any]) -> None:
        if not {MODERN, *HANDSHAKE} & set(map(str, supported)):
            raise Nonsense(server=self._name, why=f"it speaks only {str(supported)[:100]}")

    async def _initialize(self) -> None:
        offered = self.protocol or HANDSHAKE[0]
        self.protocol = ""
        params = {"protocolVersion": offered, "capabilities": {}, "clientInfo": US}
        found = await self._channel.request("initialize", params, {})
        agreed = found.get("protocolVersion")
        if agreed not in HANDSHAKE:
            raise Nonsense(server=self._name, why=f"it speaks only {str(agreed)[:40]!r}")
        self.protocol = agreed
        await self._channel.notify("notifications/initialized", self._headers(""))

    async def _ask(
        self, method: str, params: dict[str, Any], headers: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        if self.protocol == MODERN:
            meta = {"protocolVersion": MODERN, "clientInfo": US, "clientCapabilities": {}}
            params = {**params, "_meta": {_META + key: value for key, value in meta.items()}}
        return await self._channel.request(
            method, params, {**self._headers(method), **(headers or {})}
        )

    def _headers(self, method: str) -> dict[str, str]:
        found = {"MCP-Protocol-Version": self.protocol} if self.protocol else {}
        if self.protocol == MODERN and method:
            found["Mcp-Method"] = method
        return found


def header_value(value: str) -> str:
    """A parameter as it stands in a header (2026-07-28): as it is, or in base64 where a header
    cannot hold it."""
    if _PLAIN.fullmatch(value) and not value.startswith("=?base64?"):
        return value
    return f"=?base64?{base64.b64encode(value.encode()).decode()}?="


def run(work: Coroutine[Any, Any, Result], seconds: float, server: str) -> Result:
    """Do it on the process's one loop, for synchronous code, within so many seconds altogether.

    Raises what it raises, and `Unknown` when the time is over.
    """

    async def bounded() -> Result:
        try:
            async with asyncio.timeout(seconds):
                return await work
        except TimeoutError:
            raise Unknown(f"no full answer in {seconds:g} s", host=server) from None

    future = outside.submit(bounded())
    try:
        return future.result()
    finally:
        # A time limit of the caller may have ended the wait: then the call ends, too.
        future.cancel()
