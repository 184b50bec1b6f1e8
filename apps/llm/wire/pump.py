"""An asynchronous generator that runs in a task of its own.

A deadline round a generator would strike whoever reads it, wherever that task waits just then. And
a reader that goes away would leave the generator to the garbage collector; here leaving ends it,
and the connection under it, at once.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager
from typing import TypeVar

Item = TypeVar("Item")
#: Pieces that wait for a slow reader; then the source waits.
AHEAD = 256


async def pumped(
    source: AsyncGenerator[Item, None], inside: AbstractAsyncContextManager[None]
) -> AsyncGenerator[Item, None]:
    """Give what the source gives, which runs inside a context; raises what either raises."""
    items: deque[Item] = deque()
    news, room = asyncio.Event(), asyncio.Event()

    async def run() -> None:
        async with inside, contextlib.aclosing(source):
            async for item in source:
                items.append(item)
                news.set()
                if len(items) >= AHEAD:
                    room.clear()
                    await room.wait()

    task = asyncio.create_task(run())
    task.add_done_callback(lambda _: news.set())
    try:
        while items or not task.done():
            if items:
                yield items.popleft()
                room.set()
            else:
                news.clear()
                await news.wait()
    finally:
        task.cancel()
        await asyncio.wait({task})
        failed = None if task.cancelled() else task.exception()
    if failed is not None:
        raise failed
