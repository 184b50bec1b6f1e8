"""What a tool answered, for people: bounded texts and pictures, under the name of its server."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any

from apps.im import cards, file_kinds
from apps.im.base import Media
from apps.im.cards import Card
from apps.skills.context import Reply
from apps.skills.files import made
from apps.skills.mcp.errors import Nonsense, ToolFailed

MAX_TEXT = 20_000
MOST_PARTS = 50
MOST_PICTURES = 4
MAX_PICTURE = 1024 * 1024
PICTURES = {"image/png": "png", "image/jpeg": "jpg", "image/gif": "gif", "image/webp": "webp"}
CUT = "…"
EMPTY = "(empty)"


def reply(server: str, result: Mapping[str, Any]) -> Reply:
    """Return a tool's result as an answer. Raises `ToolFailed` for an error, `Nonsense`."""
    parts = result.get("content", [])
    if not isinstance(parts, list):
        raise Nonsense(server=server, why="content is no list")
    parts = [one for one in parts[:MOST_PARTS] if isinstance(one, dict)]
    text = "\n\n".join(filter(None, map(_text, parts)))
    if not text and result.get("structuredContent") is not None:
        text = json.dumps(result["structuredContent"], ensure_ascii=False, indent=2)
    text = text if len(text) <= MAX_TEXT else text[:MAX_TEXT] + CUT
    if result.get("isError") is True:
        raise ToolFailed(server=server, why=text[:1000] or EMPTY)
    files = _pictures(parts)
    return Reply(_card(server, text or ("" if files else EMPTY)), files=files)


def _card(server: str, text: str) -> Card:
    return Card(f"MCP · {server}", "blue", (cards.Text(text),) if text else ())


def _text(part: Mapping[str, Any]) -> str:
    """One part as text; what is neither text nor picture is only named."""
    kind = part.get("type")
    if kind == "text":
        return str(part.get("text", ""))
    if kind == "resource_link":
        return f"[{part.get('name', '')}: {part.get('uri', '')}]"[:500]
    if kind == "resource":
        held = part.get("resource")
        held = held if isinstance(held, dict) else {}
        return str(held.get("text") or f"[{str(held.get('uri', ''))[:300]}]")
    if kind == "image" and _picture(part) is None:
        return "[image]"
    return "" if kind == "image" else f"[{str(kind)[:30]}]"


def _pictures(parts: list[dict[str, Any]]) -> tuple[Media, ...]:
    found = [data for data in map(_picture, parts) if data is not None][:MOST_PICTURES]
    return tuple(made(f"picture-{n}.{end}", data) for n, (data, end) in enumerate(found, 1))


def _picture(part: Mapping[str, Any]) -> tuple[bytes, str] | None:
    """A picture and the end of its name, when it really is one of a kind that is shown."""
    data = part.get("data")
    if part.get("type") != "image" or not isinstance(data, str) or len(data) > 2 * MAX_PICTURE:
        return None
    try:
        picture = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        return None
    end = PICTURES.get(file_kinds.sniff(picture).mime)
    return (picture, end) if end and len(picture) <= MAX_PICTURE else None
