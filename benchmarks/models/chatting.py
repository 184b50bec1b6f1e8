"""The same as chat messages, and beside them somebody who only wants to ping."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from benchmarks.load import Target
from benchmarks.size import FEW
from benchmarks.wire import Connection, Sink

PATIENCE_S = 120.0
QUESTION = "/ask why is it so"
#: These people ask nothing else, so that no conversation of theirs waits.
PINGING = 8


@dataclass
class Chats:
    """Messages of many people to one installation, and their answers."""

    target: Target
    sink: Sink
    tags: Callable[[], str] = field(default_factory=lambda: _tags())

    async def say(self, person: int, text: str, connection: Connection) -> float:
        """Send, wait for the answer; milliseconds."""
        letter = self.target.dialect.letter(self.tags(), person, text)
        done = self.sink.expect(letter.key)
        began = time.perf_counter()
        status = await connection.post(self.target.dialect.path, letter.headers, letter.body)
        if status >= 300:
            raise RuntimeError(f"answered {status}")
        await asyncio.wait_for(done.wait(), PATIENCE_S)
        return (time.perf_counter() - began) * 1000

    async def ask_at_once(self, count: int) -> list[float]:
        """So many questions to a model in the same moment, as few of each person as can be."""
        return await asyncio.gather(*(self._ask(number) for number in range(count)))

    async def _ask(self, number: int) -> float:
        connection = Connection(self.target.port)
        try:
            return await self.say(_asking(number), QUESTION, connection)
        finally:
            connection.close()

    async def keep_asking(self, count: int, each_s: float, seconds: float) -> list[float]:
        """So many under way all the time, as `asking.kept_up`."""
        took: list[float] = []
        ends = time.perf_counter() + each_s + seconds

        async def caller(number: int) -> None:
            await asyncio.sleep(each_s * number / count)
            while time.perf_counter() < ends:
                took.append(await self._ask(number))

        await asyncio.gather(*(caller(number) for number in range(count)))
        return took

    @asynccontextmanager
    async def pinging(self, per_second: float) -> AsyncIterator[list[float]]:
        """A steady `/ping`, whatever else happens; latencies count from when each was due."""
        took: list[float] = []
        stop = asyncio.Event()
        task = asyncio.create_task(self._ping(per_second, took, stop))
        try:
            yield took
        finally:
            stop.set()
            await task

    async def _ping(self, per_second: float, took: list[float], stop: asyncio.Event) -> None:
        began, under_way = time.perf_counter(), set[asyncio.Task[None]]()
        connections = [Connection(self.target.port) for _ in range(PINGING * 8)]
        free = asyncio.LifoQueue[tuple[int, Connection]]()
        for number, connection in enumerate(connections):
            free.put_nowait((number % PINGING, connection))

        async def one(due: float) -> None:
            person, connection = await free.get()
            try:
                await self.say(person, "/ping", connection)
                took.append((time.perf_counter() - due) * 1000)
            finally:
                free.put_nowait((person, connection))

        for count in itertools.count():
            due = began + count / per_second
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            if stop.is_set():
                break
            under_way.add(asyncio.create_task(one(due)))
        await asyncio.gather(*under_way)
        for connection in connections:
            connection.close()


def _asking(number: int) -> int:
    return PINGING + number % (FEW - PINGING)


def _tags() -> Callable[[], str]:
    counted, began = itertools.count(), time.time_ns()
    return lambda: f"m{began}-{next(counted)}"
