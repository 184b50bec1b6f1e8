"""One try of one model: what it holds on its way, and what has to be given back at its end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from decimal import Decimal

from django.db import transaction

from apps.core.errors import ClawdbotError
from apps.core.offload import offload
from apps.llm import budgets, chat, embed, ledger, limits, privacy, recorded, residency, wordlist
from apps.llm.choosing import permit
from apps.llm.errors import ModelError, Timeout
from apps.llm.ledger import End
from apps.llm.models import LanguageModel, ModelCall
from apps.llm.privacy import Veiled
from apps.llm.restoring import Restorer
from apps.llm.shapes import Answer, Ask, Piece, Purpose, Usage
from apps.llm.target import Target, target_of

#: So long a question waits in line before one model, if its time allows.
PATIENCE_S = 10.0


@dataclass(slots=True)
class Question:
    """What somebody asks, until when it must be answered, and how it looks masked for a model."""

    ask: Ask
    purpose: Purpose
    kind: str = "chat"
    streamed: bool = False
    until: float = 0.0
    shown: bool = False
    veils: dict[int, Veiled] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.until = time.monotonic() + self.ask.timeout

    @property
    def left(self) -> float:
        """Seconds."""
        return self.until - time.monotonic()

    def veiled_for(self, row: LanguageModel) -> Veiled:
        """Masked once for each model, however often it is tried."""
        if row.pk not in self.veils:
            self.veils[row.pk] = privacy.veil(self.ask, self.purpose, row)
        return self.veils[row.pk]


class Passage:
    """Goes `enter`, `pieces` and `restored`, then `arrived` or `failed`."""

    def __init__(self, question: Question, row: LanguageModel) -> None:
        self.question = question
        self.row = row
        self._began = time.monotonic()
        self._first_ms: int | None = None
        self._said = ""
        self._answer: Answer | None = None
        self._veiled: Veiled | None = None
        self._wait: limits.Wait | None = None
        self._slot: limits.Slot | None = None
        self._reservation: budgets.Reservation | None = None
        self._call: ModelCall | None = None
        self._target: Target | None = None
        self._restorer: Restorer | None = None

    def enter(self) -> float:
        """Permission > zone > words > mask > limits > budget > row. Blocks shortly.

        Returns 0 once inside, else the seconds after which to come again. Raises what refuses it.
        """
        asked, row = self.question, self.row
        if self._wait is None:
            permit(row, asked.purpose)
            residency.check(row, asked.ask, asked.purpose)
            wordlist.check_ask(row, asked.ask, asked.purpose)
            self._veiled = asked.veiled_for(row)
        if (pause := self._take_turn()) is None:
            self._begin(asked.veiled_for(row))
            return 0.0
        return pause

    def _take_turn(self) -> float | None:
        """Take a slot; the seconds after which to come again when there is none."""
        left = max(self.question.left, 0.1)
        turn = limits.try_admit(self.row, left, self._wait, min(left, PATIENCE_S))
        if isinstance(turn, limits.Wait):
            self._wait = turn
            return max(turn.seconds, 0.01)
        self._slot, self._wait = turn, None
        return None

    def _begin(self, veiled: Veiled) -> None:
        asked, row, ask = self.question, self.row, veiled.ask
        self._target = target_of(row)
        self._restorer = Restorer(veiled, asked.purpose, streamed=asked.streamed)
        tokens, most = ledger.estimate_ask(ask), ask.max_tokens
        if asked.kind == "embedding":
            most = 0
        self._reservation = budgets.reserve(
            asked.purpose.person_id, row, tokens, most, max(asked.left, 1.0)
        )
        kept = recorded.ask_for_row(ask) if privacy.exempt(row) else ask
        self._call = ledger.begin(row, kept, asked.purpose, veiled.counts, streamed=asked.streamed)

    async def pieces(self) -> AsyncGenerator[Piece, None]:
        """What the model says, still masked. Runs where the wire runs; touches no database."""
        if self._target is None or self._veiled is None:
            raise RuntimeError("not inside")
        ask = replace(self._veiled.ask, timeout=max(self.question.left, 0.1))
        if self.question.kind == "embedding":
            target = replace(self._target, timeout=min(self._target.timeout, ask.timeout))
            # Masks may add words to a model, which are no text of anybody.
            texts = [turn.text for turn in ask.turns if turn.role == "user"]
            vectors, usage = await embed.measured(target, texts)
            yield Piece(answer=Answer(data=vectors, usage=usage, model=target.name))
        elif self.question.streamed:
            async with aclosing(chat.stream(self._target, ask, self._again)) as pieces:
                async for piece in pieces:
                    yield piece
        else:
            yield Piece(answer=await chat.exchange(self._target, ask, self._again))

    async def _again(self) -> None:
        """One more request of the same question waits for its own turn: limits count requests."""
        slot, self._slot = self._slot, None
        if slot is not None:
            await offload(slot.release, "ok")
        while (pause := await offload(self._take_turn)) is not None:
            await asyncio.sleep(pause)

    def must_step(self, piece: Piece) -> bool:
        """Does restoring this piece read the database?"""
        return piece.answer is not None or (self._restorer is not None and self._restorer.watching)

    def restored(self, piece: Piece) -> Piece:
        """A piece as its audience may read it; what came is kept as it came, for the row."""
        if self._restorer is None or self._call is None:
            raise RuntimeError("not inside")
        if self._first_ms is None and self.question.streamed:
            self._first_ms = self._ms()
        self._said += piece.text + piece.reasoning
        self._answer = piece.answer
        if self.question.kind == "embedding":
            return piece  # numbers: there is nothing to undo in them
        shown = self._restorer.piece(piece)
        if shown.answer is None:
            return shown
        return replace(shown, answer=replace(shown.answer, call_uid=str(self._call.uid)))

    def arrived(self) -> None:
        """Meter > audit, after the whole answer."""
        self._close("ok", None)

    def failed(self, error: BaseException) -> None:
        """The same after anything else; also for what never left."""
        self._close(_outcome(error), error)

    def _close(self, outcome: str, error: BaseException | None) -> None:
        try:
            if self._wait is not None:
                limits.leave(self.row, self._wait)
            if self._slot is not None:
                self._slot.release(self._health(error))
        finally:
            self._settle(outcome, self._usage(error))

    def _settle(self, outcome: str, usage: Usage) -> None:
        """What was used, the row and the line of the audit: all or none."""
        if self._call is None:
            self._give_back()
            ledger.refuse(
                self.row, self.question.purpose, outcome,
                streamed=self.question.streamed, total_ms=self._ms(),
            )  # fmt: skip
            return
        with transaction.atomic():
            cost = self._spend(usage)
            end = End(outcome, usage, cost, self._kept(), self._first_ms, self._ms())
            ledger.end(self._call, end)

    def _spend(self, usage: Usage) -> Decimal:
        if self._reservation is not None and (usage.tokens_in or usage.tokens_out):
            return self._reservation.settle(usage)
        self._give_back()
        return Decimal(0)

    def _give_back(self) -> None:
        if self._reservation is not None:
            self._reservation.release()

    def _health(self, error: BaseException | None) -> str:
        """What the breaker is told: what somebody stopped, or we refused, says nothing of it."""
        if error is None or self._answer is not None:
            return "ok"
        return error.code if self._call is not None and isinstance(error, ModelError) else ""

    def _usage(self, error: BaseException | None) -> Usage:
        if self._answer is not None:
            return self._answer.usage
        if self._call is None or self._veiled is None:
            return Usage()
        told = error.usage if isinstance(error, ModelError) else None
        slow = isinstance(error, Timeout)
        if told is not None or (isinstance(error, ModelError) and not self._said and not slow):
            return told or Usage()
        # Broken off: the vendor counts what it read and said so far, and tells nobody.
        said = ledger.estimate(self._said)
        return Usage(ledger.estimate_ask(self._veiled.ask), said, known=False)

    def _kept(self) -> Answer | None:
        if self.question.kind == "embedding":
            return None
        kept = self._answer or (Answer(self._said) if self._said else None)
        return recorded.answer_for_row(kept) if kept and privacy.exempt(self.row) else kept

    def _ms(self) -> int:
        return int((time.monotonic() - self._began) * 1000)


def _outcome(error: BaseException) -> str:
    if isinstance(error, ClawdbotError):
        return error.code
    if isinstance(error, Exception) and not isinstance(error, asyncio.CancelledError):
        return "error"
    return "cancelled"
