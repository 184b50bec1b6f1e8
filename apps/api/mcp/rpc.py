"""From a body to its answer: the revision that it speaks decides what it may hold."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from apps.accounts import authz
from apps.accounts.models import Person
from apps.api.mcp import protocol, tools
from apps.api.mcp.protocol import HANDSHAKE, META, MODERN, Fault, Message
from apps.assistant.words import language_of
from apps.core.i18n import both

#: For all calls of one request together.
WAIT_S = 25.0
MOST_IN_BATCH = 20
US = {"name": "clawdbot", "title": "ClawdBot", "version": "1"}
INSTRUCTIONS = both(
    "这些工具以令牌所属的人的名义运行，只有此人有权的才会列出。写操作要由本人在网页聊天里确认。",
    "These tools run on behalf of the person whose token is used, who sees only what they may run. "
    "What writes is confirmed by that person in the web chat.",
)
#: HTTP's word for an error of the stateless revision; 200 for others.
STATUS = {
    protocol.PARSE_ERROR: 400,
    protocol.INVALID_REQUEST: 400,
    protocol.INVALID_PARAMS: 400,
    protocol.HEADER_MISMATCH: 400,
    protocol.UNSUPPORTED_VERSION: 400,
    protocol.METHOD_NOT_FOUND: 404,
}
NO_MESSAGE = "The body must be a single JSON-RPC request or notification"


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks, in which revision, and until when answers are waited for."""

    person: Person
    version: str
    end: float


def handle(body: Any, headers: Mapping[str, str], person: Person) -> tuple[int, Any]:
    """Return the HTTP status and what is answered; None for an empty body."""
    version = headers.get("MCP-Protocol-Version") or _told(body) or protocol.ASSUMED
    asked = Asked(person, version, time.monotonic() + WAIT_S)
    try:
        if version not in (MODERN, *HANDSHAKE):
            raise protocol.unsupported(version)
        if isinstance(body, list):
            return _batch(body, asked)
        if protocol.is_notification(body):
            return 202, None
        if protocol.is_response(body) and version != MODERN:
            return 202, None
        if not protocol.is_request(body):
            raise Fault(protocol.INVALID_REQUEST, NO_MESSAGE)
        if version == MODERN:
            protocol.check_modern(body, headers)
    except Fault as fault:
        return STATUS.get(fault.code, 200), fault.answer(_number(body))
    found = _answer(body, asked)
    code = found.get("error", {}).get("code")
    return (STATUS.get(code, 200) if version == MODERN else 200), found


def _told(body: Any) -> str:
    """The stateless revision, when the body alone names it: the header is then missed."""
    params = body.get("params") if isinstance(body, dict) else None
    meta = params.get("_meta") if isinstance(params, dict) else None
    return MODERN if isinstance(meta, dict) and f"{META}protocolVersion" in meta else ""


def _number(body: Any) -> Any:
    found = body.get("id") if isinstance(body, dict) else None
    return found if type(found) in {str, int} else None


def _batch(body: list[Any], asked: Asked) -> tuple[int, Any]:
    if asked.version != protocol.BATCHES or not 0 < len(body) <= MOST_IN_BATCH:
        raise Fault(protocol.INVALID_REQUEST, NO_MESSAGE)
    found = []
    for one in body:
        if protocol.is_request(one) and one["method"] != "initialize":
            found.append(_answer(one, asked))
        elif not protocol.is_notification(one) and not protocol.is_response(one):
            found.append(Fault(protocol.INVALID_REQUEST, NO_MESSAGE).answer(_number(one)))
    return (200, found) if found else (202, None)


def _answer(message: Message, asked: Asked) -> Message:
    try:
        methods = _MODERN if asked.version == MODERN else _HANDSHAKE
        method = methods.get(message["method"])
        if method is None:
            raise Fault(protocol.METHOD_NOT_FOUND, f"Method not found: {message['method'][:80]}")
        result = method(protocol.params_of(message), asked)
    except Fault as fault:
        return fault.answer(message["id"])
    if asked.version == MODERN:
        result = {"resultType": "complete", **result}
    return protocol.answer(message["id"], result)


def _initialize(params: Message, asked: Asked) -> Message:
    wanted = params.get("protocolVersion")
    if not isinstance(wanted, str):
        raise Fault(protocol.INVALID_PARAMS, "protocolVersion is missing")
    return {
        "protocolVersion": wanted if wanted in HANDSHAKE else HANDSHAKE[0],
        "capabilities": {"tools": {"listChanged": False}},
        "serverInfo": US,
        "instructions": INSTRUCTIONS.in_(language_of(asked.person)),
    }


def _discover(params: Message, asked: Asked) -> Message:
    return {
        "supportedVersions": [MODERN, *HANDSHAKE],
        "capabilities": {"tools": {}},
        "instructions": INSTRUCTIONS.in_(language_of(asked.person)),
        "_meta": {f"{META}serverInfo": US},
        **_UNCACHED,
    }


def _ping(params: Message, asked: Asked) -> Message:
    return {}


def _list(params: Message, asked: Asked) -> Message:
    if params.get("cursor") is not None:
        raise Fault(protocol.INVALID_PARAMS, "there are no more pages")
    rights = authz.rights([asked.person])[asked.person.pk]
    found: Message = {"tools": tools.listed(rights, language_of(asked.person))}
    return found | (_UNCACHED if asked.version == MODERN else {})


def _call(params: Message, asked: Asked) -> Message:
    return tools.call(asked.person, params, max(0.0, asked.end - time.monotonic()))


#: Rights may change at any moment.
_UNCACHED: Message = {"ttlMs": 0, "cacheScope": "private"}
Method = Callable[[Message, Asked], Message]
_MODERN: Mapping[str, Method] = {
    "server/discover": _discover, "tools/list": _list, "tools/call": _call,
}  # fmt: skip
_HANDSHAKE: Mapping[str, Method] = {
    "initialize": _initialize, "ping": _ping, "tools/list": _list, "tools/call": _call,
}  # fmt: skip
