"""What a stand of a model says, as a whole answer or as the events of a stream."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from apps.simulate.server import Answer

Body = dict[str, Any]
SSE = {"content-type": "text/event-stream; charset=utf-8"}


@dataclass(frozen=True)
class Reply:
    """One answer in all its detail.

    `message` is a text or the assistant's message; `finish` "" is derived, None is left out. In
    streams text comes `size` characters a piece, the first after `first_s` seconds, the others
    after `pause_s`; `cut_after` that many pieces the connection breaks, `fault` is an object sent
    instead of the end, and `done` False leaves `[DONE]` out. `extra` joins the whole or the last
    chunk.
    """

    message: str | Body = ""
    finish: str | None = ""
    usage: bool = True
    size: int = 4
    first_s: float = 0.0
    pause_s: float = 0.0
    cut_after: int | None = None
    fault: Body | None = None
    done: bool = True
    extra: Body = field(default_factory=dict)


def spoken(reply: Reply, body: Body) -> Answer:
    """The answer to a request, streamed when it asks for that."""
    if body.get("stream"):
        return _stream(reply, body)
    if reply.fault is not None:
        return Answer(200, reply.fault)
    choice: Body = {"index": 0, "message": _message(reply), "finish_reason": _finish(reply)}
    used = {"usage": _usage(reply, body)} if reply.usage else {}
    return Answer(
        200, {**_head(body, "chat.completion"), "choices": [choice], **used, **reply.extra}
    )


def _stream(reply: Reply, body: Body) -> Answer:
    chunks = [_chunk(body, delta) for delta in _deltas(reply)]
    if reply.fault is not None:
        chunks.append(reply.fault)
    elif reply.finish is not None:
        chunks.append(_chunk(body, {}, _finish(reply)) | reply.extra)
    if reply.usage and (body.get("stream_options") or {}).get("include_usage"):
        chunks.append(
            _head(body, "chat.completion.chunk") | {"choices": [], "usage": _usage(reply, body)}
        )
    events = [f"data: {json.dumps(one, ensure_ascii=False)}\n\n".encode() for one in chunks]
    if reply.done and reply.fault is None:
        events.append(b"data: [DONE]\n\n")
    cut = reply.cut_after is not None
    events = events[: reply.cut_after] if cut else events
    pauses = [reply.first_s, *[reply.pause_s] * len(events)]
    return Answer(200, None, SSE, parts=tuple(zip(pauses, events, strict=False)), cut=cut)


def _deltas(reply: Reply) -> Iterator[Body]:
    message = _message(reply)
    yield {"role": "assistant", "content": ""}
    for key, value in message.items():
        if key == "tool_calls":
            yield from _call_deltas(value, reply.size)
        elif isinstance(value, str) and key != "role":
            for start in range(0, len(value), reply.size):
                yield {key: value[start : start + reply.size]}
        elif value is not None and key != "role":
            yield {key: value}


def _call_deltas(calls: list[Body], size: int) -> Iterator[Body]:
    for index, call in enumerate(calls):
        function = call["function"]
        begun = {**call, "index": index, "function": {**function, "arguments": ""}}
        yield {"tool_calls": [begun]}
        given = function["arguments"]
        for start in range(0, len(given), size):
            piece = {"index": index, "function": {"arguments": given[start : start + size]}}
            yield {"tool_calls": [piece]}


def _chunk(body: Body, delta: Body, finish: str | None = None) -> Body:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return _head(body, "chat.completion.chunk") | {"choices": [choice]}


def _head(body: Body, kind: str) -> Body:
    return {
        "id": "chatcmpl-stand",
        "object": kind,
        "created": 1_700_000_000,
        "model": body["model"],
    }


def _message(reply: Reply) -> Body:
    said = reply.message
    return {"role": "assistant", **(said if isinstance(said, dict) else {"content": said})}


def _finish(reply: Reply) -> str | None:
    if reply.finish != "":
        return reply.finish
    return "tool_calls" if _message(reply).get("tool_calls") else "stop"


def _usage(reply: Reply, body: Body) -> Body:
    """A token is four characters here."""
    used = {
        "prompt_tokens": len(json.dumps(body["messages"], ensure_ascii=False)) // 4 + 1,
        "completion_tokens": len(json.dumps(_message(reply), ensure_ascii=False)) // 4 + 1,
    }
    return {**used, "total_tokens": sum(used.values())}
