"""One question to one model: what the wire needs of turns until there is an answer.

Usually one request. More where a model is weak: a call that did not come is asked for once more as
JSON, an answer that does not fit its schema is sent back once, and a server that refuses tools or
formats is asked without.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator

from apps.llm.shapes import Answer, Ask, Piece
from apps.llm.target import Target
from apps.llm.wire.asking import Again, Asking
from apps.llm.wire.limits import deadline_of, within
from apps.llm.wire.line import line_of
from apps.llm.wire.pump import pumped

__all__ = ["Again", "exchange", "stream"]


async def exchange(target: Target, ask: Ask, again: Again | None = None) -> Answer:
    """Ask one model and return its whole answer, checked as `Ask` promises.

    `again` is awaited before every request after the first. Raises `ModelError`, whose `usage` is
    what was spent all the same. Cancelling closes the connection at once.
    """
    deadline = deadline_of(target, ask.timeout)
    asking = Asking(line_of(target), deadline, again)
    async with within(target, deadline):
        return await asking.answer(ask)


async def stream(
    target: Target, ask: Ask, again: Again | None = None
) -> AsyncGenerator[Piece, None]:
    """Ask one model and give its answer as it comes; the last piece holds the whole `answer`.

    Raises `ModelError`, also after pieces. To stop, close the generator (`contextlib.aclosing`) or
    cancel the task: that closes the connection at once.
    """
    deadline = deadline_of(target, ask.timeout)
    source = Asking(line_of(target), deadline, again).run(ask, streaming=True)
    async with contextlib.aclosing(pumped(source, within(target, deadline))) as pieces:
        async for piece in pieces:
            yield piece
