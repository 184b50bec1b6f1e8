"""Who does the gateway's waiting: the caller's own thread, or an event loop that holds none.

The gateway's path is written once, as coroutines that wait through `Hands` only. `Direct` never
suspends: it does everything in the caller's thread, on the caller's database connection, while the
wire runs on the process's one loop. `Pooled` is for callers on a loop: short blocking steps go to a
few threads, the wire is awaited.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import time
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator
from typing import Any, ParamSpec, Protocol, TypeVar

from django.db import connection

from apps.core.loop import outside
from apps.core.offload import offload
from apps.llm.shapes import Piece

Given = ParamSpec("Given")
Result = TypeVar("Result")
Pieces = Callable[[], AsyncGenerator[Piece, None]]

#: A thread that waits looks up this often: an interrupt of its job is heard only between two looks.
LOOK_UP_S = 0.25


class Hands(Protocol):
    """How the path waits."""

    async def step(
        self, act: Callable[Given, Result], *args: Given.args, **kwargs: Given.kwargs
    ) -> Result:
        """Run a short blocking function (database, Redis, masking) to its end, come what may."""
        ...

    def wire(self, pieces: Pieces) -> AsyncGenerator[Piece, None]:
        """Run what waits on the network; closing it ends the request."""
        ...

    async def pause(self, seconds: float) -> None:
        """Let time pass."""
        ...


class Direct:
    """Everything in the thread of the caller."""

    async def step(
        self, act: Callable[Given, Result], *args: Given.args, **kwargs: Given.kwargs
    ) -> Result:
        """Run it here and now."""
        return act(*args, **kwargs)

    async def wire(self, pieces: Pieces) -> AsyncGenerator[Piece, None]:
        """Run it on the process's loop, as one task; hand its pieces over as they come."""
        come: queue.SimpleQueue[Piece | BaseException | None] = queue.SimpleQueue()

        async def pump() -> None:
            try:
                async with contextlib.aclosing(pieces()) as found:
                    async for piece in found:
                        come.put(piece)
                come.put(None)
            except BaseException as error:
                come.put(error)
                if not isinstance(error, Exception):
                    raise

        task = outside.submit(pump())
        try:
            while (got := _wait(come)) is not None:
                if isinstance(got, BaseException):
                    raise got
                yield got
        finally:
            task.cancel()

    async def pause(self, seconds: float) -> None:
        """Sleep in small pieces."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            time.sleep(min(left, LOOK_UP_S))


class Pooled:
    """For coroutines on a loop of their own; a call that waits for its model holds no thread."""

    async def step(
        self, act: Callable[Given, Result], *args: Given.args, **kwargs: Given.kwargs
    ) -> Result:
        """Run it in one of the process's threads for that."""
        return await offload(act, *args, **kwargs)

    async def wire(self, pieces: Pieces) -> AsyncGenerator[Piece, None]:
        """Await it."""
        async with contextlib.aclosing(pieces()) as found:
            async for piece in found:
                yield piece

    async def pause(self, seconds: float) -> None:
        """Sleep on the loop."""
        await asyncio.sleep(seconds)


def run(work: Coroutine[Any, Any, Result]) -> Result:
    """Drive a coroutine that waits through `Direct` only, in this thread and without a loop.

    Raises `RuntimeError` on a thread that runs a loop, and within a transaction.
    """
    _may_wait(work)
    try:
        work.send(None)
    except StopIteration as done:
        result: Result = done.value
        return result
    work.close()
    raise RuntimeError("it waited past its hands")


def iterate(pieces: AsyncGenerator[Piece, None]) -> Iterator[Piece]:
    """The same for pieces; leaving the iteration early closes them."""
    try:
        while True:
            try:
                yield run(pieces.__anext__())
            except StopAsyncIteration:
                return
    finally:
        run(pieces.aclose())


def _may_wait(work: Coroutine[Any, Any, Any]) -> None:
    """Nobody waits for a model on a loop, or within a transaction that holds up all writers."""
    why = ""
    with contextlib.suppress(RuntimeError):
        asyncio.get_running_loop()
        why = "an event loop must not wait here; use acall or astream"
    blocks = connection.atomic_blocks
    if blocks and not getattr(blocks[-1], "_from_testcase", False):
        why = "no model is asked within a transaction"
    if why:
        work.close()
        raise RuntimeError(why)


def _wait(come: queue.SimpleQueue[Piece | BaseException | None]) -> Piece | BaseException | None:
    while True:
        with contextlib.suppress(queue.Empty):
            return come.get(timeout=LOOK_UP_S)
