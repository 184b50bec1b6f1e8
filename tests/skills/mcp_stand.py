"""A strict stand-in of an MCP server of either era, which can be told to misbehave."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

from apps.simulate.server import Answer, Call, HttpStand

MODERN = "2026-07-28"
TOKEN = "stand-token-0123456789"
META = "io.modelcontextprotocol/"
Tool = dict[str, Any]
Handler = Callable[[dict[str, Any]], dict[str, Any]]


def text(said: str, **more: Any) -> dict[str, Any]:
    """A tool's result of one text."""
    return {"content": [{"type": "text", "text": said}], **more}


def echo(description: str = "Say it again.") -> Tool:
    """A tool that says its text again."""
    schema = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}
    return {"name": "echo", "description": description, "inputSchema": schema}


class McpStand(HttpStand):
    """`protocol` is the revision it speaks; with `sse` it answers in events."""

    def __init__(self, protocol: str = MODERN, *, sse: bool = False) -> None:
        super().__init__()
        self.protocol, self.sse = protocol, sse
        self.tools: list[Tool] = [echo()]
        self.handlers: dict[str, Handler] = {"echo": lambda given: text(given["text"])}
        self.sessions: dict[str, bool] = {}
        self.called: list[tuple[str, dict[str, Any]]] = []
        self.page = 50
        #: Changes a whole JSON-RPC answer before it goes out.
        self.spoil: Callable[[dict[str, Any]], dict[str, Any]] = lambda message: message

    @property
    def address(self) -> str:
        """What `mcp add` takes."""
        return f"{self.url}/mcp"

    def respond(self, call: Call) -> Answer:
        """Answer one message, as strictly as the specification allows."""
        if call.path != "/mcp":
            return Answer(404)
        if call.headers.get("authorization") != f"Bearer {TOKEN}":
            return Answer(401, headers={"www-authenticate": "Bearer"})
        if call.method == "DELETE":
            self.sessions.pop(call.headers.get("mcp-session-id", ""), None)
            return Answer(204)
        if call.method != "POST":
            return Answer(405, headers={"allow": "POST"})
        wanted = {"application/json", "text/event-stream"}
        if {one.strip() for one in call.headers["accept"].split(",")} != wanted:
            return Answer(406)
        message = call.json()
        assert message["jsonrpc"] == "2.0"
        if "id" not in message:
            return self._noted(call, message)
        if self.protocol == MODERN:
            return self._modern(call, message)
        return self._handshake(call, message)

    def _modern(self, call: Call, message: dict[str, Any]) -> Answer:
        method, params = message["method"], message.get("params", {})
        if method == "initialize":
            data = {"supported": [MODERN], "requested": params["protocolVersion"]}
            return self._error(message, -32022, "Unsupported protocol version", 400, data)
        meta = params.get("_meta", {})
        if meta.get(f"{META}protocolVersion") != MODERN or f"{META}clientCapabilities" not in meta:
            return self._error(message, -32602, "envelope", 400)
        named = {"tools/call": params.get("name")}.get(method)
        mirrored = {"mcp-protocol-version": MODERN, "mcp-method": method, "mcp-name": named}
        for name, value in mirrored.items():
            if _decoded(call.headers.get(name)) != value:
                return self._error(message, -32020, f"{name} header does not match", 400)
        if method == "server/discover":
            info = {"capabilities": {"tools": {}}, "supportedVersions": [MODERN]}
            return self._answer(message, {**info, "resultType": "complete", "ttlMs": 0})
        return self._method(call, message)

    def _handshake(self, call: Call, message: dict[str, Any]) -> Answer:
        session = call.headers.get("mcp-session-id", "")
        if message["method"] == "initialize":
            made = f"session-{len(self.sessions)}"
            self.sessions[made] = False
            result = {
                "protocolVersion": self.protocol, "capabilities": {"tools": {}},
                "serverInfo": {"name": "stand", "version": "1"},
            }  # fmt: skip
            return self._answer(message, result, {"mcp-session-id": made})
        if session not in self.sessions:
            return Answer(400, b"Bad Request: no session", {"content-type": "text/plain"})
        if call.headers.get("mcp-protocol-version") != self.protocol or not self.sessions[session]:
            return self._error(message, -32600, "not initialized", 400)
        return self._method(call, message)

    def _noted(self, call: Call, message: dict[str, Any]) -> Answer:
        session = call.headers.get("mcp-session-id", "")
        if message["method"] == "notifications/initialized" and session in self.sessions:
            self.sessions[session] = True
        return Answer(202)

    def _method(self, call: Call, message: dict[str, Any]) -> Answer:
        params = message.get("params", {})
        if message["method"] == "tools/list":
            start = int(params.get("cursor", 0))
            result: dict[str, Any] = {"tools": self.tools[start : start + self.page]}
            if start + self.page < len(self.tools):
                result["nextCursor"] = str(start + self.page)
            return self._answer(message, result)
        if message["method"] == "tools/call":
            name, given = params["name"], params["arguments"]
            tool = next((one for one in self.tools if one["name"] == name), None)
            if tool is None:
                return self._error(message, -32602, f"Unknown tool: {name}", 400)
            wrong = self._unmirrored(call, tool, given)
            if wrong:
                return self._error(message, -32020, wrong, 400)
            self.called.append((name, given))
            return self._answer(message, self.handlers[name](given))
        return self._error(message, -32601, "Method not found", 404)

    def _unmirrored(self, call: Call, tool: Tool, given: dict[str, Any]) -> str:
        for name, schema in tool["inputSchema"].get("properties", {}).items():
            header = schema.get("x-mcp-header") if isinstance(schema, dict) else None
            if header and self.protocol == MODERN:
                shown = _decoded(call.headers.get(f"mcp-param-{header.lower()}"))
                if shown != (None if name not in given else str(given[name])):
                    return f"{header} header does not match"
        return ""

    def _error(
        self, message: dict[str, Any], code: int, said: str, status: int, data: Any = None
    ) -> Answer:
        error = {"code": code, "message": said} | ({"data": data} if data else {})
        return Answer(status, {"jsonrpc": "2.0", "id": message["id"], "error": error})

    def _answer(
        self, message: dict[str, Any], result: dict[str, Any], headers: dict[str, str] | None = None
    ) -> Answer:
        made = self.spoil({"jsonrpc": "2.0", "id": message["id"], "result": result})
        if not self.sse:
            return Answer(200, made, headers or {})
        note = {"jsonrpc": "2.0", "method": "notifications/progress", "params": {"progress": 1}}
        asked = {"jsonrpc": "2.0", "id": message["id"], "method": "ping"}
        body = ": hello\r\n\r\nid: 1\ndata:\n\n" + event(note) + event(asked) + event(made)
        kind = {"content-type": "text/event-stream; charset=utf-8"}
        return Answer(200, body.encode(), {**kind, **(headers or {})})


def event(message: dict[str, Any]) -> str:
    """A message as an event, its JSON on two lines."""
    lines = json.dumps(message, indent=None).replace(', "id"', ',\ndata: "id"', 1)
    return f"event: message\ndata: {lines}\n\n"


def _decoded(value: str | None) -> str | None:
    if value is None or not value.startswith("=?base64?"):
        return value
    return base64.b64decode(value[9:-2]).decode()
