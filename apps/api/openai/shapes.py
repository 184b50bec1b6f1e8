"""Our answers in the shapes of `chat.completion`, `chat.completion.chunk` and `list` of models."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from apps.llm.models import LanguageModel
from apps.llm.shapes import Answer, Piece, ToolCall, Usage

_FINISH = {"blocked": "content_filter"}


@dataclass(frozen=True, slots=True)
class Completion:
    """What all parts of one answer have in common."""

    trace_id: str
    model: str
    created: int = field(default_factory=lambda: int(time.time()))

    @property
    def id(self) -> str:
        """By its end the calls' rows are found."""
        return f"chatcmpl-{self.trace_id}"

    def whole(self, answer: Answer) -> dict[str, Any]:
        """A `chat.completion`."""
        message: dict[str, Any] = {
            "role": "assistant",
            "content": answer.text if answer.text or not answer.calls else None,
            "refusal": None,
        }
        if answer.reasoning:
            message["reasoning_content"] = answer.reasoning
        if answer.calls:
            message["tool_calls"] = _calls(answer.calls)
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish(answer)}
        return self._head("chat.completion", [choice]) | {"usage": usage(answer.usage)}

    def chunks(self, piece: Piece, *, first: bool, with_usage: bool) -> Iterable[dict[str, Any]]:
        """The `chat.completion.chunk`s of a piece; the last piece gives the calls and the end."""
        more: dict[str, Any] = {"usage": None} if with_usage else {}
        if first:
            yield self._chunk({"role": "assistant", "content": ""}) | more
        if piece.reasoning:
            yield self._chunk({"reasoning_content": piece.reasoning}) | more
        if piece.text:
            yield self._chunk({"content": piece.text}) | more
        if piece.answer is None:
            return
        for number, call in enumerate(_calls(piece.answer.calls)):
            yield self._chunk({"tool_calls": [{"index": number, **call}]}) | more
        yield self._chunk({}, finish(piece.answer)) | more
        if with_usage:
            yield self._head("chat.completion.chunk", []) | {"usage": usage(piece.answer.usage)}

    def _chunk(self, delta: dict[str, Any], end: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": end}
        return self._head("chat.completion.chunk", [choice])

    def _head(self, kind: str, choices: list[dict[str, Any]]) -> dict[str, Any]:
        return {
            "id": self.id,
            "object": kind,
            "created": self.created,
            "model": self.model,
            "choices": choices,
        }


def finish(answer: Answer) -> str:
    """Why it ended, in OpenAI's words."""
    return _FINISH.get(answer.finish, answer.finish)


def usage(used: Usage) -> dict[str, int]:
    """Tokens."""
    return {
        "prompt_tokens": used.tokens_in,
        "completion_tokens": used.tokens_out,
        "total_tokens": used.tokens_in + used.tokens_out,
    }


def model(row: LanguageModel) -> dict[str, Any]:
    """One model; its vendor is nobody's business."""
    return {
        "id": row.name,
        "object": "model",
        "created": int(row.created_at.timestamp()),
        "owned_by": "clawdbot",
    }


def _calls(calls: Iterable[ToolCall]) -> list[dict[str, Any]]:
    return [
        {
            "id": call.id or f"call_{number}",
            "type": "function",
            "function": {
                "name": call.name,
                "arguments": json.dumps(dict(call.arguments), ensure_ascii=False),
            },
        }
        for number, call in enumerate(calls)
    ]
