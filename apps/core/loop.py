"""One event loop per process, in a thread of its own, for everything that waits on the network."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

import uvloop

Result = TypeVar("Result")


class LoopThread:
    """Runs coroutines from any thread; a fork starts with a new one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pid = 0
        self._loop: asyncio.AbstractEventLoop | None = None

    def loop(self) -> asyncio.AbstractEventLoop:
        """This process's loop, started when first asked for."""
        with self._lock:
            if self._loop is None or self._pid != os.getpid():
                self._loop = uvloop.new_event_loop()
                self._pid = os.getpid()
                thread = threading.Thread(
                    target=self._loop.run_forever, name="outside", daemon=True
                )
                thread.start()
            return self._loop

    def submit(self, work: Coroutine[Any, Any, Result]) -> Future[Result]:
        """Start a coroutine on the loop; the future is for the calling thread."""
        return asyncio.run_coroutine_threadsafe(work, self.loop())


outside = LoopThread()
