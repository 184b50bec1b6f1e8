"""JSON-RPC 2.0 as MCP uses it: its revisions, its errors, and the shapes of messages.

Facts: modelcontextprotocol.io, revisions 2025-03-26 to 2025-11-25 (`initialize`) and 2026-07-28
(each request names its revision in `_meta` and in headers).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

MODERN = "2026-07-28"
HANDSHAKE = ("2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05")
#: What a request without the header speaks (2025-06-18, transports).
ASSUMED = "2025-03-26"
#: The one revision that lets several messages come as one.
BATCHES = "2025-03-26"

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
INTERNAL_ERROR = -32603
HEADER_MISMATCH = -32020
UNSUPPORTED_VERSION = -32022
#: Ours (-32000 to -32019 are free): not let in, too often.
REFUSED = -32001
TOO_OFTEN = -32002
META = "io.modelcontextprotocol/"

Message = dict[str, Any]


class Fault(Exception):
    """A request that is answered with an error."""

    def __init__(self, code: int, message: str, data: Any = None) -> None:
        super().__init__(message)
        self.code, self.message, self.data = code, message, data

    def answer(self, number: Any) -> Message:
        """The error as the answer to the request of that id (None where it could not be read)."""
        error = {"code": self.code, "message": self.message}
        return {
            "jsonrpc": "2.0",
            "id": number,
            "error": error | ({"data": self.data} if self.data is not None else {}),
        }


def answer(number: Any, result: Message) -> Message:
    """The result as the answer to the request of that id."""
    return {"jsonrpc": "2.0", "id": number, "result": result}


def is_request(message: Any) -> bool:
    """Does it want an answer? Its id is a text or a whole number."""
    return _named(message) and type(message.get("id")) in {str, int}


def is_notification(message: Any) -> bool:
    """Is it one that wants none?"""
    return _named(message) and "id" not in message


def is_response(message: Any) -> bool:
    """Is it an answer? We ask nothing, so that it answers nobody."""
    if not isinstance(message, dict) or message.get("jsonrpc") != "2.0":
        return False
    return "method" not in message and ("result" in message or "error" in message)


def params_of(message: Message) -> Message:
    """The parameters. Raises `Fault`."""
    found = message.get("params", {})
    if not isinstance(found, dict):
        raise Fault(INVALID_PARAMS, "params must be an object")
    return found


def check_modern(message: Message, headers: Mapping[str, str]) -> None:
    """Does a request of the stateless revision say the same in its body and its headers?

    Raises `Fault`.
    """
    params = params_of(message)
    meta = params.get("_meta")
    needed = [f"{META}protocolVersion", f"{META}clientCapabilities"]
    missing = [one for one in needed if not isinstance(meta, dict) or one not in meta]
    if missing:
        raise Fault(INVALID_PARAMS, f"params._meta lacks {', '.join(missing)}")
    version = params["_meta"][needed[0]]
    mirrored = [("MCP-Protocol-Version", version), ("Mcp-Method", message["method"])]
    if message["method"] == "tools/call":
        mirrored.append(("Mcp-Name", params.get("name")))
    for name, value in mirrored:
        if value is None or decoded(headers.get(name)) != value:
            raise Fault(HEADER_MISMATCH, f"the header {name} does not match the body")
    if version != MODERN:
        raise unsupported(version)


def unsupported(version: Any) -> Fault:
    """The error for a revision that we do not speak."""
    data = {"supported": [MODERN, *HANDSHAKE], "requested": str(version)[:40]}
    return Fault(UNSUPPORTED_VERSION, "Unsupported protocol version", data)


def decoded(value: str | None) -> str | None:
    """A header's value, which stands in base64 where a header could not hold it; None for a
    broken one."""
    if value is None or not (value.startswith("=?base64?") and value.endswith("?=")):
        return value
    try:
        return base64.b64decode(value[9:-2], validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None


def _named(message: Any) -> bool:
    return (
        isinstance(message, dict)
        and message.get("jsonrpc") == "2.0"
        and isinstance(message.get("method"), str)
    )
