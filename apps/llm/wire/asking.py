"""The turns that one question may take."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from apps.llm.errors import Cut, FormatRefused, ModelError, ToolsRefused
from apps.llm.shapes import Answer, Ask, Piece, Usage
from apps.llm.wire import answers, calling, fallback, switches
from apps.llm.wire.answers import Said
from apps.llm.wire.gate import Gate
from apps.llm.wire.gathered import Gathered
from apps.llm.wire.line import Line
from apps.llm.wire.request import body_of

#: Awaited before every request after the first; a limit may wait there, or raise.
Again = Callable[[], Awaitable[None]]


class Asking:
    """One question to one model; it knows what its turns have cost so far."""

    def __init__(self, line: Line, deadline: float, again: Again | None = None) -> None:
        self.line = line
        self._deadline = deadline
        self._again = again
        self._requests = 0
        self._spent: Usage | None = None

    async def answer(self, ask: Ask) -> Answer:
        """The whole answer, without streaming it. Raises as `run` does."""
        async with aclosing(self.run(ask, streaming=False)) as pieces:
            async for piece in pieces:
                if piece.answer is not None:
                    return piece.answer
        raise AssertionError("a run ends with its answer")

    async def run(self, ask: Ask, *, streaming: bool) -> AsyncGenerator[Piece, None]:
        """Give the answer, the last piece being the whole; without streaming the only one.

        Raises `ModelError` with what all turns have cost.
        """
        try:
            async with aclosing(self._turns(ask, streaming=streaming)) as pieces:
                async for piece in pieces:
                    yield piece
        except ModelError as error:
            error.usage = self._spent
            raise

    async def _turns(self, ask: Ask, *, streaming: bool) -> AsyncGenerator[Piece, None]:
        if ask.tools and not self.line.quirks.tools:
            if (call := await self._as_schema(ask)) is not None:
                yield Piece(answer=self._final(call))
                return
            if _must_call(ask):
                raise answers.unusable(self.line, "no call came")
            ask = replace(ask, tools=())
        gate = Gate(on=_may_call(ask))
        try:
            async with aclosing(self._first(ask, gate, streaming=streaming)) as pieces:
                async for piece in pieces:
                    if isinstance(piece, Said):
                        said = piece
                    else:
                        yield piece
        except (ToolsRefused, FormatRefused) as error:
            self._do_without(error)
            async with aclosing(self._turns(ask, streaming=streaming)) as others:
                async for piece in others:
                    yield piece
            return
        answer = await self._settled(ask, said)
        held = gate.rest() if streaming and not answer.calls else ""
        yield Piece(text=held, answer=self._final(answer))

    async def _first(
        self, ask: Ask, gate: Gate, *, streaming: bool
    ) -> AsyncGenerator[Piece | Said, None]:
        """Ask for the first time; in the end there is what was said."""
        if not streaming:
            yield await self._once(ask)
            return
        await self._count()
        body = body_of(self.line, ask, stream=True)
        gathered = self._empty()
        async with aclosing(self._pieces(body, gathered)) as pieces:
            async for piece in pieces:
                shown = replace(piece, text=gate.let(piece.text))
                if shown.text or shown.reasoning:
                    yield shown
        yield self._taken(ask, body, gathered)

    async def _once(self, ask: Ask) -> Said:
        """One request, one answer."""
        await self._count()
        quirks = self.line.quirks
        streams = quirks.streams_to_think and switches.thinking(quirks, ask.effort)
        body = body_of(self.line, ask, stream=streams)
        if not streams:
            return self._taken(ask, body, await calling.whole(self.line, body, self._deadline))
        gathered = self._empty()
        async with aclosing(self._pieces(body, gathered)) as pieces:
            async for _ in pieces:
                pass
        return self._taken(ask, body, gathered)

    def _pieces(self, body: Mapping[str, Any], gathered: Gathered) -> AsyncGenerator[Piece, None]:
        return calling.pieces(self.line, body, gathered, self._deadline)

    async def _settled(self, ask: Ask, said: Said) -> Answer:
        """What follows the first answer, until there is what was asked for."""
        answer = said.answer
        if _may_call(ask) and not answer.calls:
            if self.line.quirks.weak_tools or said.broken or _must_call(ask):
                answer = await self._as_schema(ask) or answer
            if not answer.calls and (_must_call(ask) or not answer.text):
                raise answers.unusable(self.line, said.broken or "no call came")
        if ask.schema is not None and not answer.calls:
            return await self._checked(ask, ask.schema, answer)
        return answer

    async def _as_schema(self, ask: Ask) -> Answer | None:
        """Ask for a call as JSON; None when it says none, or nothing that can be used."""
        question = fallback.as_schema(ask)
        try:
            try:
                said = await self._once(question)
            except FormatRefused as error:
                self._do_without(error)
                said = await self._once(question)
        except Cut:
            return None
        call = fallback.chosen(ask, said.answer.text)
        return None if call is None else fallback.with_call(said.answer, call)

    async def _checked(self, ask: Ask, schema: Mapping[str, Any], answer: Answer) -> Answer:
        """The answer with its data; one that does not fit is sent back once."""
        value, wrong = fallback.fitting(answer.text, schema)
        if wrong:
            answer = (await self._once(fallback.repair(ask, answer, wrong))).answer
            value, wrong = fallback.fitting(answer.text, schema)
        if wrong:
            raise answers.unusable(self.line, wrong)
        return replace(answer, data=value)

    def _do_without(self, refused: ToolsRefused | FormatRefused) -> None:
        """Take the model as one that lacks what it refused; raises that the second time."""
        if isinstance(refused, ToolsRefused):
            quirks = replace(self.line.quirks, tools=False)
        else:
            quirks = replace(self.line.quirks, json="none")
        if quirks == self.line.quirks:
            raise refused
        self.line = replace(self.line, quirks=quirks)

    def _taken(self, ask: Ask, body: Mapping[str, Any], gathered: Gathered) -> Said:
        try:
            said = answers.said(self.line, ask, body, gathered)
        except ModelError as error:
            self._spend(error.usage)
            raise
        self._spend(said.answer.usage)
        return said

    def _spend(self, usage: Usage | None) -> None:
        if usage is not None:
            self._spent = usage if self._spent is None else answers.sum_of(self._spent, usage)

    def _final(self, answer: Answer) -> Answer:
        return replace(answer, usage=self._spent or answer.usage)

    def _empty(self) -> Gathered:
        return Gathered(opened_think=self.line.quirks.opened_think)

    async def _count(self) -> None:
        if self._requests and self._again is not None:
            await self._again()
        self._requests += 1


def _may_call(ask: Ask) -> bool:
    return bool(ask.tools) and ask.choice != "none"


def _must_call(ask: Ask) -> bool:
    return _may_call(ask) and ask.choice != "auto"
