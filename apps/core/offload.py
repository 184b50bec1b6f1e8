"""Short blocking work (database, Redis) for coroutines: a few threads for all of a process.

Not the loop's own executor: what waits there for minutes would hold up what takes a millisecond.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from django.db import connection

Given = ParamSpec("Given")
Result = TypeVar("Result")

#: Each keeps a database connection. Few: they share the interpreter with the loop, which has pages
#: to answer meanwhile.
THREADS = 3
_threads = ThreadPoolExecutor(THREADS, thread_name_prefix="offload")


async def offload(
    act: Callable[Given, Result], *args: Given.args, **kwargs: Given.kwargs
) -> Result:
    """Run a function in one of the threads, in the caller's context.

    A caller that is cancelled still waits for its end, so that nothing goes on unseen.
    """
    context = contextvars.copy_context()

    def work() -> Result:
        connection.close_if_unusable_or_obsolete()
        return act(*args, **kwargs)

    running = asyncio.get_running_loop().run_in_executor(_threads, context.run, work)
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait({running})
        raise
