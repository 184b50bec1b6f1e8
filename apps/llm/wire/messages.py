"""Turns as the messages of a request, as this or that model wants them."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from apps.core import strictjson
from apps.core.i18n import both
from apps.llm.errors import BadRequest
from apps.llm.shapes import ToolCall, Turn, system
from apps.llm.wire.line import Line

#: What a message is without its vendor's own keys.
_PLAIN = ("role", "content", "tool_calls")


def messages(line: Line, turns: Sequence[Turn]) -> list[dict[str, Any]]:
    """The messages of a request. Raises `BadRequest` for pictures that the model cannot see."""
    if line.quirks.one_system:
        turns = _one_system(turns)
    if not line.quirks.tools:
        turns = list(_told(turns))
    return [_message(line, turn) for turn in turns]


def with_system(turns: Iterable[Turn], text: str) -> tuple[Turn, ...]:
    """The turns with something more in their first system message."""
    first, *rest = turns
    if first.role == "system":
        return (system(f"{first.text}\n\n{text}"), *rest)
    return (system(text), first, *rest)


def _one_system(turns: Sequence[Turn]) -> list[Turn]:
    said = [turn.text for turn in turns if turn.role == "system"]
    rest = [turn for turn in turns if turn.role != "system"]
    return [system("\n\n".join(said)), *rest] if said else rest


def _told(turns: Iterable[Turn]) -> Iterable[Turn]:
    """For a model that knows no tools: calls and their results as plain words."""
    for turn in turns:
        if turn.role == "tool":
            yield Turn("user", f"Result:\n{turn.text}")
        elif turn.calls:
            made = [{"name": one.name, "arguments": dict(one.arguments)} for one in turn.calls]
            yield Turn("assistant", "\n".join((turn.text, strictjson.dumps(made))).strip())
        else:
            yield turn


def _message(line: Line, turn: Turn) -> dict[str, Any]:
    if turn.role == "assistant":
        return _assistant(line, turn)
    if turn.role == "tool":
        return {"role": "tool", "tool_call_id": turn.call_id, "content": turn.text}
    if turn.pictures:
        return {"role": turn.role, "content": _parts(line, turn)}
    return {"role": turn.role, "content": turn.text}


def _assistant(line: Line, turn: Turn) -> dict[str, Any]:
    quirks = line.quirks
    message: dict[str, Any] = {"role": "assistant", "content": turn.text or None}
    if turn.raw and quirks.replay != "plain":
        message.update(turn.raw)
    elif turn.raw:
        message.update((key, turn.raw[key]) for key in _PLAIN if key in turn.raw)
    if turn.calls and not message.get("tool_calls"):
        # They were written into its text, which now stands there as proper calls.
        message["content"] = turn.text or None
        message["tool_calls"] = [_call(one) for one in turn.calls]
    if quirks.replay == "reasoning" and message.get("tool_calls"):
        message["reasoning_content"] = message.get("reasoning_content") or ""
    if message["content"] is None and not (quirks.null_content and message.get("tool_calls")):
        message["content"] = ""
    return message


def _call(call: ToolCall) -> dict[str, Any]:
    given = strictjson.dumps(dict(call.arguments))
    function = {"name": call.name, "arguments": given}
    return {"id": call.id, "type": "function", "function": function}


def _parts(line: Line, turn: Turn) -> list[Mapping[str, Any]]:
    if not line.quirks.vision:
        why = both("它看不了图片", "it does not see pictures")
        raise BadRequest(model=line.target.name, why=why)
    parts: list[Mapping[str, Any]] = []
    for picture in turn.pictures:
        data = base64.b64encode(picture.data).decode()
        parts.append(
            {"type": "image_url", "image_url": {"url": f"data:{picture.mime};base64,{data}"}}
        )
    return [*parts, {"type": "text", "text": turn.text}] if turn.text else parts
