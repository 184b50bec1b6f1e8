"""The one way to a language model, and the only holder of vendors' keys.

Who asks names a model by its alias, or none for the default. Nothing else imports the wire.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing

from apps.llm.choosing import chosen, find, usable
from apps.llm.errors import ModelError
from apps.llm.hands import Direct, Hands, Pooled, iterate, run
from apps.llm.models import LanguageModel
from apps.llm.passage import Passage, Question
from apps.llm.retry import Tries
from apps.llm.shapes import Answer, Ask, Piece, Purpose, user

__all__ = ["acall", "aembed", "astream", "call", "embed", "find", "stream", "usable"]
#: Seconds for the vectors of a batch of texts.
EMBED_S = 120.0


def call(ask: Ask, purpose: Purpose, model: str = "") -> Answer:
    """Ask a model and wait for its whole answer; for synchronous code outside of transactions.

    `ask.timeout` is for everything together: waiting for a turn, tries, fallbacks.
    Raises `NoModel`, `UnknownModel`, `Forbidden`, what masks, zones, limits and budgets refuse
    (each a `ClawdbotError`), or a `ModelError`.
    """
    return run(_last(Direct(), Question(ask, purpose), model))


async def acall(ask: Ask, purpose: Purpose, model: str = "") -> Answer:
    """The same for coroutines; while it waits it holds no thread. Cancelling it ends the call."""
    return await _last(Pooled(), Question(ask, purpose), model)


def stream(ask: Ask, purpose: Purpose, model: str = "") -> Iterator[Piece]:
    """Ask a model and get its answer in pieces; the last one holds the whole `answer`.

    Leaving the iteration early ends the call. Raises as `call`, also between two pieces.
    """
    return iterate(_path(Direct(), Question(ask, purpose, streamed=True), model))


def astream(ask: Ask, purpose: Purpose, model: str = "") -> AsyncGenerator[Piece, None]:
    """The same for coroutines; to be closed (`contextlib.aclosing`) and read by one task."""
    return _path(Pooled(), Question(ask, purpose, streamed=True), model)


def embed(texts: Sequence[str], purpose: Purpose, model: str = "") -> list[list[float]]:
    """The vector of each text, from an embedding model; masks, limits and rows as for `call`."""
    return run(_vectors(Direct(), texts, purpose, model))


async def aembed(texts: Sequence[str], purpose: Purpose, model: str = "") -> list[list[float]]:
    """The same for coroutines."""
    return await _vectors(Pooled(), texts, purpose, model)


async def _vectors(
    hands: Hands, texts: Sequence[str], purpose: Purpose, model: str
) -> list[list[float]]:
    if not texts:
        return []
    ask = Ask(tuple(user(text) for text in texts), timeout=EMBED_S)
    found: list[list[float]] = (await _last(hands, Question(ask, purpose, "embedding"), model)).data
    return found


async def _last(hands: Hands, question: Question, model: str) -> Answer:
    async with aclosing(_path(hands, question, model)) as pieces:
        async for piece in pieces:
            if piece.answer is not None:
                return piece.answer
    raise ModelError(model=model, why="no answer")


async def _path(hands: Hands, question: Question, model: str) -> AsyncGenerator[Piece, None]:
    """Try the chosen model, again where that may help, then the models it falls back to."""
    tries = Tries(question)
    rows = await hands.step(chosen, model, question.ask, question.purpose, question.kind)
    for row in rows:
        while True:
            try:
                async with aclosing(_once(hands, question, row)) as pieces:
                    async for piece in pieces:
                        yield piece
                return
            except ModelError as error:
                pause = tries.after(error, row, last=row is rows[-1])
            if pause is None:
                break
            await hands.pause(pause)


async def _once(
    hands: Hands, question: Question, row: LanguageModel
) -> AsyncGenerator[Piece, None]:
    """Right > zone > words > mask > limits > budget > row > call > restore > meter > audit."""
    passage = Passage(question, row)
    try:
        while pause := await hands.step(passage.enter):
            await hands.pause(pause)
        async with aclosing(hands.wire(passage.pieces)) as pieces:
            async for piece in pieces:
                if passage.must_step(piece):
                    shown = await hands.step(passage.restored, piece)
                else:
                    shown = passage.restored(piece)
                question.shown |= bool(shown.text or shown.reasoning)
                if piece.answer is None:
                    yield shown
                else:
                    break
            else:
                raise ModelError(model=row.name, why="no answer")
    except BaseException as error:
        await hands.step(passage.failed, error)
        raise
    await hands.step(passage.arrived)
    yield shown
