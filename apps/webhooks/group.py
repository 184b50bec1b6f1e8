"""Grouped commits: while one transaction is being written, the next one's messages gather.

A lone message waits for nothing; under load up to a hundred share one commit. Each caller gets its
answer after the commit that holds its message.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")
LARGEST = 100
#: So long the first of a crowd waits for the others.
GATHER_S = 0.001


class GroupCommit(Generic[Item, Result]):
    """Calls `write(items)` in one thread, for as many items as came meanwhile.

    `write` returns one result for each item. When a group fails, its items are tried one by one, so
    that one bad item fails alone.
    """

    def __init__(
        self, write: Callable[[Sequence[Item]], Sequence[Result]], patience_s: float = 8.0
    ) -> None:
        self._write = write
        self._patience_s = patience_s
        self._waiting: list[tuple[Item, asyncio.Future[Result]]] = []
        self._runner: asyncio.Task[None] | None = None
        self._crowded = False
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="ingress")

    async def submit(self, item: Item) -> Result:
        """Wait until the item is committed; raises what `write` raised for it.

        Raises `TimeoutError` when that takes longer than the group's patience; it may be
        committed yet.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Result] = loop.create_future()
        self._waiting.append((item, future))
        if self._runner is None or self._runner.done():
            self._runner = asyncio.create_task(self._run())
        # A handle costs a tenth of asyncio.timeout, and this is once for each request.
        late = loop.call_later(self._patience_s, _fail, future, TimeoutError("store"))
        try:
            return await future
        finally:
            late.cancel()

    async def _run(self) -> None:
        if self._crowded:
            # Those who were answered together ask again together: not all of them are here yet.
            await asyncio.sleep(GATHER_S)
        while self._waiting:
            self._crowded = len(self._waiting) > 1
            group, self._waiting = self._waiting[:LARGEST], self._waiting[LARGEST:]
            await self._commit(group)

    async def _commit(self, group: list[tuple[Item, asyncio.Future[Result]]]) -> None:
        # Whoever gave up waiting was told to deliver again; a store that is down costs each try
        # seconds, which those who come later would wait for.
        group = [one for one in group if not one[1].done()]
        if not group:
            return
        loop = asyncio.get_running_loop()
        try:
            items = [item for item, _ in group]
            results = await loop.run_in_executor(self._thread, self._write, items)
        except Exception as error:  # noqa: BLE001 - handed to the callers, or tried one by one
            if len(group) == 1:
                _fail(group[0][1], error)
                return
            for one in group:
                await self._commit([one])
            return
        for (_, future), result in zip(group, results, strict=True):
            if not future.done():
                future.set_result(result)


def _fail(future: asyncio.Future[Result], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
