"""Looks at one model step by step, as `model check` and the admin's Test show it."""

from __future__ import annotations

import time
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from apps.core.errors import ClawdbotError
from apps.core.http import HttpError, door
from apps.core.loop import outside
from apps.llm import chat
from apps.llm import probe_words as words
from apps.llm.embed import embed
from apps.llm.errors import Auth, BadRequest, ModelError
from apps.llm.finding import Finding
from apps.llm.shapes import Answer, Ask, Tool, user
from apps.llm.target import Target
from apps.llm.wire.line import Line, line_of

__all__ = ["Finding", "check"]

Result = TypeVar("Result")
REACH_S = 10.0
ENOUGH = 256
_TOOL = Tool(
    "report_weather",
    "Tells the weather of a city.",
    {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
)
_SCHEMA = {
    "type": "object",
    "properties": {"answer": {"type": "boolean"}},
    "required": ["answer"],
    "additionalProperties": False,
}


def check(target: Target, kind: str = "chat") -> Iterator[Finding]:
    """Give one finding after the other, as each is known; for synchronous code.

    Costs a few hundred tokens of the model. What the model does is found, never raised.
    """
    try:
        line = line_of(target)
    except ClawdbotError as error:
        yield Finding("reachable", False, words.of(error))
        return
    for warning in line.provider.warnings(target.base_url, target.model):
        yield Finding("reachable", None, warning)
    yield from _Embedding(line).run() if kind == "embedding" else _Chat(line).run()


class _Probe:
    """The steps, and the names of those that are skipped when one before them fails."""

    steps: tuple[str, ...] = ()

    def __init__(self, line: Line) -> None:
        self.line = line
        self.target = line.target

    def run(self) -> Iterator[Finding]:
        """All steps in order."""
        for number, step in enumerate(self.steps):
            failed = False
            for finding in getattr(self, f"_{step}")():
                yield finding
                failed = failed or finding.ok is False
            if failed and step in {"reachable", "chat", "embedding"}:
                for rest in self.steps[number + 1 :]:
                    yield Finding(rest, None, words.SKIPPED)
                return

    def _reachable(self) -> Iterator[Finding]:
        try:
            status = _wait(_status(self.line))
        except HttpError as error:
            yield Finding("reachable", False, words.UNREACHABLE.format(why=words.of(error)))
            return
        except Auth as error:
            yield Finding("key", False, words.BAD_KEY.format(detail=error.detail))
            return
        yield Finding("reachable", True, words.REACHABLE.format(status=status))

    def _refused(self, step: str, error: ModelError) -> Iterator[Finding]:
        """What the first real request tells of the key."""
        if isinstance(error, Auth):
            key = words.NO_KEY if not self.target.key else words.BAD_KEY
            yield Finding("key", False, key.format(detail=error.detail))
            yield Finding(step, None, words.SKIPPED)
            return
        yield Finding("key", None, words.KEY_UNKNOWN)
        told = words.of(error)
        if isinstance(error, BadRequest):
            told = words.REFUSED.format(why=told, model=self.target.model)
        yield Finding(step, False, told)


@dataclass
class _Timed:
    """A streamed answer and its times, in seconds."""

    answer: Answer
    pieces: int
    first: float
    total: float


class _Chat(_Probe):
    steps = ("reachable", "chat", "streaming", "tools", "schema", "reasoning", "usage", "speed")

    def __init__(self, line: Line) -> None:
        super().__init__(line)
        self._whole = Answer()
        self._timed: _Timed | None = None

    def _chat(self) -> Iterator[Finding]:
        ask = Ask((user("Answer with the one word: pong"),), max_tokens=ENOUGH)
        try:
            self._whole = _wait(chat.exchange(self.target, ask))
        except ModelError as error:
            yield from self._refused("chat", error)
            return
        yield Finding("key", True, words.KEY if self.target.key else words.KEY_NOT_NEEDED)
        yield Finding("chat", True, words.CHAT.format(text=" ".join(self._whole.text.split())[:60]))

    def _streaming(self) -> Iterator[Finding]:
        ask = Ask((user("Count from 1 to 10, separated by commas."),), max_tokens=ENOUGH)
        try:
            self._timed = _wait(_timed(self.target, ask))
        except ModelError as error:
            yield Finding("streaming", False, words.of(error))
            return
        told = words.STREAMS if self._timed.pieces > 1 else words.ONE_PIECE
        yield Finding("streaming", True, told.format(pieces=self._timed.pieces))

    def _tools(self) -> Iterator[Finding]:
        ask = Ask(
            (user("What is the weather in Beijing? Use the tool."),), (_TOOL,), max_tokens=ENOUGH
        )
        # Taken for weak, it gets its second chance as JSON at once.
        weak = replace(self.target, quirks={**self.target.quirks, "weak_tools": True})
        try:
            answer = _wait(chat.exchange(weak, ask))
            if not answer.calls:
                answer = _wait(chat.exchange(weak, replace(ask, choice="required")))
        except ModelError as error:
            yield Finding("tools", False, words.NO_TOOLS.format(why=words.of(error)))
            return
        native = bool((answer.raw or {}).get("tool_calls"))
        known = self.line.quirks.weak_tools or not self.line.quirks.tools
        told = words.TOOLS if native else words.TOOLS_AS_JSON if known else words.TOOLS_WEAK
        yield Finding("tools", True, told.format(call=answer.calls[0].name))

    def _schema(self) -> Iterator[Finding]:
        ask = Ask(
            (user("Is 7 a prime number? Answer as JSON."),), schema=_SCHEMA, max_tokens=ENOUGH
        )
        try:
            _wait(chat.exchange(self.target, ask))
        except ModelError as error:
            yield Finding("schema", False, words.NO_SCHEMA.format(why=words.of(error)))
            return
        yield Finding("schema", True, words.SCHEMA[self.line.quirks.json])

    def _reasoning(self) -> Iterator[Finding]:
        thought = self._whole.reasoning or (self._timed and self._timed.answer.reasoning)
        yield Finding("reasoning", True if thought else None, words.REASONING[bool(thought)])

    def _usage(self) -> Iterator[Finding]:
        whole = self._whole.usage.known
        streamed = self._timed is None or self._timed.answer.usage.known
        told = words.USAGE if whole and streamed else words.USAGE_ESTIMATED
        yield Finding("usage", True if whole and streamed else None, told)

    def _speed(self) -> Iterator[Finding]:
        if self._timed is None:
            yield Finding("speed", None, words.SKIPPED)
            return
        timed = self._timed
        rate = timed.answer.usage.tokens_out / max(timed.total - timed.first, 0.001)
        told = words.SPEED.format(first=round(timed.first * 1000), rate=round(rate, 1))
        yield Finding("speed", True, told)


class _Embedding(_Probe):
    steps = ("reachable", "embedding", "speed")

    def __init__(self, line: Line) -> None:
        super().__init__(line)
        self._took = 0.0

    def _embedding(self) -> Iterator[Finding]:
        begun = time.monotonic()
        try:
            vectors = _wait(embed(self.target, ["你好", "Hello"]))
        except ModelError as error:
            yield from self._refused("embedding", error)
            return
        self._took = time.monotonic() - begun
        yield Finding("key", True, words.KEY if self.target.key else words.KEY_NOT_NEEDED)
        yield Finding("embedding", True, words.EMBEDDING.format(size=len(vectors[0])))

    def _speed(self) -> Iterator[Finding]:
        yield Finding("speed", True, words.TOOK.format(ms=round(self._took * 1000)))


def _wait(work: Coroutine[Any, Any, Result]) -> Result:
    return outside.submit(work).result()


async def _status(line: Line) -> int:
    """Whatever it answers, it is there; not every vendor lists its models."""
    answer = await door.get(
        line.url("/models"), configured=True, headers=line.headers(), timeout=REACH_S
    )
    return answer.status


async def _timed(target: Target, ask: Ask) -> _Timed:
    begun = time.monotonic()
    first, pieces, answer = 0.0, 0, Answer()
    async for piece in chat.stream(target, ask):
        if piece.text or piece.reasoning:
            pieces += 1
            first = first or time.monotonic() - begun
        answer = piece.answer or answer
    return _Timed(answer, pieces, first, time.monotonic() - begun)
