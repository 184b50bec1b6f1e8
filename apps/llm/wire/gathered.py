"""Gathers one answer, whether it came as a whole or in pieces."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apps.llm.shapes import Piece
from apps.llm.wire.think_tags import ThinkTags

#: Where vendors put what a model thought (the older and the newer name of vLLM and SGLang).
_REASONING = ("reasoning_content", "reasoning")
_DETAILS = "reasoning_details"


class Gathered:
    """`take` every chunk in turn; then the parts hold the whole."""

    def __init__(self, *, opened_think: bool = False) -> None:
        self.text = ""
        self.reasoning = ""
        self.finish = ""
        self.usage: Mapping[str, Any] | None = None
        self.raw: dict[str, Any] = {"role": "assistant", "content": ""}
        self.calls: list[dict[str, Any]] = []
        self._tags = ThinkTags(opened=opened_think)

    def take(self, chunk: Mapping[str, Any]) -> Piece | None:
        """Add one chunk; return what it adds for a reader, None for nothing.

        Raises `TypeError` or `LookupError` for a chunk that has another shape than the wire's.
        """
        if isinstance(chunk.get("usage"), dict):
            self.usage = chunk["usage"]
        choices = chunk.get("choices") or ()
        if not choices:
            return None
        choice = choices[0]
        if isinstance(choice.get("usage"), dict):  # where Moonshot's streams have it
            self.usage = choice["usage"]
        self.finish = str(choice.get("finish_reason") or self.finish)
        delta = choice.get("delta") or {}
        whole = not delta and isinstance(choice.get("message"), dict)
        return self._merge(choice["message"] if whole else delta, whole=whole)

    def end(self) -> Piece | None:
        """What was held back until it was sure that nothing follows."""
        return self._piece(*self._tags.rest())

    def _merge(self, delta: Mapping[str, Any], *, whole: bool) -> Piece | None:
        said, thought = self._tags.feed(_content(delta))
        self.raw["content"] += _content(delta)
        for place, call in enumerate(delta.get("tool_calls") or ()):
            self._call(call, place if whole else call.get("index"))
        thought = self._thoughts(delta) + thought
        for key, value in delta.items():
            if key not in {"role", "content", "tool_calls", _DETAILS, *_REASONING}:
                self.raw[key] = value
        return self._piece(said, thought)

    def _piece(self, said: str, thought: str) -> Piece | None:
        self.text += said
        self.reasoning += thought
        return Piece(said, thought) if said or thought else None

    def _thoughts(self, delta: Mapping[str, Any]) -> str:
        found = ""
        for key in _REASONING:
            if isinstance(delta.get(key), str):
                self.raw[key] = self.raw.get(key, "") + delta[key]
                found = found or delta[key]  # some send both, and they are the same
        details = delta.get(_DETAILS)
        if isinstance(details, list):
            texts = [self._detail(one) for one in details if isinstance(one, dict)]
            found = found or "".join(texts)
        return found

    def _detail(self, detail: Mapping[str, Any]) -> str:
        """MiniMax and OpenRouter: a list whose pieces belong together by their index."""
        kept: list[dict[str, Any]] = self.raw.setdefault(_DETAILS, [])
        same = next((one for one in kept if one.get("index") == detail.get("index")), None)
        text = detail.get("text")
        text = text if isinstance(text, str) else ""
        if same is None:
            kept.append(dict(detail))
        else:
            same["text"] = str(same.get("text") or "") + text
        return text

    def _call(self, piece: Mapping[str, Any], index: int | None) -> None:
        """Add a piece of a call: by its index, else by its id, else it goes on with the last."""
        key = index if index is not None else piece.get("id")
        held = next((one for one in self.calls if one["key"] == key), None)
        if held is None and key is None and self.calls:
            held = self.calls[-1]
        if held is None:
            held = {"key": key, "id": "", "type": "function", "function": {}}
            self.calls.append(held)
        more, function = piece.get("function") or {}, held["function"]
        held["id"] = held["id"] or str(piece.get("id") or "")
        function["name"] = function.get("name") or more.get("name") or ""
        function["arguments"] = _joined(function.get("arguments"), more.get("arguments"))

    def message(self) -> dict[str, Any]:
        """The assistant's message as its vendor gave it."""
        if not self.calls:
            return self.raw
        made = [{key: one[key] for key in ("id", "type", "function")} for one in self.calls]
        return {**self.raw, "content": self.raw["content"] or None, "tool_calls": made}


def _content(delta: Mapping[str, Any]) -> str:
    """The text of a message; a list of parts, as some multimodal servers answer, is joined."""
    content = delta.get("content")
    if isinstance(content, list):
        return "".join(str(part.get("text") or "") for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""


def _joined(held: Any, more: Any) -> Any:
    if isinstance(held, str) and isinstance(more, str):
        return held + more
    return held if more is None else more
