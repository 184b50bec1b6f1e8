"""One JSON-RPC message to an MCP server and its answer, over the one door out.

Streamable HTTP: each message is a POST of its own; a request is answered with one JSON object or a
stream of events, of which ours is taken and the rest passed over. Redirects are not followed.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from apps.core import strictjson
from apps.core.http import Options, Streaming, door
from apps.skills.mcp import sse
from apps.skills.mcp.errors import BrokenOff, Busy, McpError, Nonsense, NotLetIn

MAX_ANSWER = 2 * 1024 * 1024
#: Of an answer that says no: enough for one JSON-RPC error.
MAX_REFUSAL = 64 * 1024
MOST_SAID = 300
SESSION = "mcp-session-id"
_ACCEPT = {"accept": "application/json, text/event-stream", "content-type": "application/json"}

Message = dict[str, Any]


class RpcError(McpError):
    """The MCP server {server} refuses ({code} {message}).

    ``number`` and ``data`` are the JSON-RPC error's own.
    """

    code = "mcp_rpc"
    zh = "MCP 服务器 {server} 拒绝了请求（{code} {message}）。"
    permanent = True

    def __init__(self, server: str, error: Any) -> None:
        given = error if isinstance(error, dict) else {}
        number, message = given.get("code"), given.get("message")
        self.number = number if isinstance(number, int) else 0
        self.data = given.get("data")
        super().__init__(server=server, code=self.number, message=str(message)[:MOST_SAID])


class NoAnswer(McpError):
    """The MCP server {server} answers HTTP {status} instead of MCP. An administrator has to look at
    its address."""

    code = "mcp_no_answer"
    zh = "MCP 服务器 {server} 返回 HTTP {status}，不是 MCP 应答。请管理员核对它的地址。"
    permanent = True


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a server is and what it wants to see; `private` as in its row."""

    name: str
    url: str
    private: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)


class Channel:
    """Messages to one server. Deadlines are the caller's (`asyncio.timeout`)."""

    def __init__(self, endpoint: Endpoint, seconds: float) -> None:
        self._endpoint = endpoint
        self._seconds = seconds
        self._last = 0
        self.session = ""

    async def request(
        self, method: str, params: Message, headers: Mapping[str, str]
    ) -> dict[str, Any]:
        """Return the result. Raises `McpError` or `HttpError`."""
        self._last += 1
        body = {"jsonrpc": "2.0", "id": self._last, "method": method, "params": params}
        async with self._open("POST", body, headers) as answer:
            self.session = answer.headers.get(SESSION, "") or self.session
            if not 200 <= answer.status < 300:
                raise await self._refusal(answer)
            return self._result(await self._ours(answer))

    async def notify(self, method: str, headers: Mapping[str, str]) -> None:
        """Send what has no answer; only whether we are let in is looked at."""
        async with self._open("POST", {"jsonrpc": "2.0", "method": method}, headers) as answer:
            if answer.status >= 400:
                raise await self._refusal(answer)

    async def close(self, headers: Mapping[str, str]) -> None:
        """Tell the server that a session is over, if it made one."""
        if self.session:
            async with self._open("DELETE", None, headers):
                self.session = ""

    def _open(self, method: str, body: Message | None, headers: Mapping[str, str]) -> Any:
        host = urlsplit(self._endpoint.url).hostname or ""
        sent = {**self._endpoint.headers, **_ACCEPT, **headers}
        if self.session:
            sent[SESSION] = self.session
        options: Options = {
            "headers": sent,
            "allow": (host,),
            "timeout": self._seconds,
            "max_bytes": MAX_ANSWER,
        }
        if body is not None:
            options["body"] = strictjson.dumps(body).encode()
        url, private = self._endpoint.url, self._endpoint.private
        return door.stream(method, url, configured=private, **options)

    async def _ours(self, answer: Streaming) -> Message:
        """The message that answers the request with our last id."""
        if answer.headers.get("content-encoding", "identity") not in {"", "identity"}:
            raise self._nonsense("a content coding that we did not ask for")
        kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind == "application/json":
            found = self._message(await _whole(answer, MAX_ANSWER))
            if not self._is_ours(found):
                raise self._nonsense("it answers another request")
            return found
        if kind != "text/event-stream":
            raise self._nonsense(f"content type {kind[:60]!r}")
        async for data in sse.events(answer.chunks()):
            if not data:  # only there to give the stream an id
                continue
            found = self._message(data)
            if self._is_ours(found):
                return found
        raise BrokenOff(server=self._endpoint.name)

    def _message(self, data: bytes) -> Message:
        try:
            found = strictjson.loads(data)
        except strictjson.MalformedJson as error:
            raise self._nonsense(f"JSON: {error.reason}") from error
        if not isinstance(found, dict) or found.get("jsonrpc") != "2.0":
            raise self._nonsense("no JSON-RPC 2.0 message")
        return found

    def _is_ours(self, message: Message) -> bool:
        found = message.get("id")
        return type(found) is int and found == self._last and "method" not in message

    def _result(self, message: Message) -> dict[str, Any]:
        if "error" in message:
            raise RpcError(self._endpoint.name, message["error"])
        result = message.get("result")
        if not isinstance(result, dict):
            raise self._nonsense("an answer without a result")
        if result.get("resultType", "complete") != "complete":
            raise self._nonsense("it asks back, which is not supported")
        return result

    async def _refusal(self, answer: Streaming) -> McpError:
        name, status = self._endpoint.name, answer.status
        if status in {401, 403}:
            return NotLetIn(server=name, why=f"HTTP {status}")
        if status == 429 or status >= 500:
            return Busy(server=name, why=f"HTTP {status}")
        try:
            found = self._message(await _whole(answer, MAX_REFUSAL))
        except Nonsense:
            return NoAnswer(server=name, status=status)
        return RpcError(name, found["error"]) if "error" in found else NoAnswer(
            server=name, status=status
        )  # fmt: skip

    def _nonsense(self, why: str) -> Nonsense:
        return Nonsense(server=self._endpoint.name, why=why)


async def _whole(answer: Streaming, limit: int) -> bytes:
    parts: list[bytes] = []
    left = limit
    chunks: AsyncIterator[bytes] = answer.chunks()
    async for piece in chunks:
        parts.append(piece[:left])
        left -= len(piece)
        if left <= 0:
            break
    return b"".join(parts)
