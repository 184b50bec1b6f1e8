"""The loads: people who ask one after another, and acknowledgements at many connections."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from benchmarks.dialects import Dialect
from benchmarks.wire import Connection, Sink

PATIENCE_S = 60
Who = Callable[[int, int], int]  # connection and count -> person


@dataclass
class Run:
    """What one load gave: how long it took, each latency, each status, the ids that were sent."""

    seconds: float = 0.0
    latencies_ms: list[float] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)
    keys: list[str] = field(default_factory=list)

    def percentile(self, share: float) -> float:
        """A latency in milliseconds."""
        ordered = sorted(self.latencies_ms)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0

    def count(self, status: int) -> None:
        """One more answer; anything but a success ends the measurement."""
        self.statuses[status] = self.statuses.get(status, 0) + 1
        if not 200 <= status < 300:
            raise RuntimeError(f"answered {status}: the figures would be of refusals")


@dataclass(frozen=True)
class Target:
    """Where a load goes: a port and the dialect that is understood there."""

    port: int
    dialect: Dialect


def same(person: int, count: int) -> int:
    """Each connection is one person."""
    return person


async def ask(
    target: Target,
    sink: Sink,
    *,
    chats: int,
    messages: int,
    tag: str,
    text: str = "/ping",
    who: Who = same,
) -> Run:
    """`chats` people ask one after another, each waiting for the answer."""
    run = Run()

    async def person(number: int) -> None:
        connection = Connection(target.port)
        for count in range(max(1, messages // chats)):
            letter = target.dialect.letter(tag, who(number, count), text)
            run.keys.append(letter.key)
            done = sink.expect(letter.key)
            began = time.perf_counter()
            run.count(await connection.post(target.dialect.path, letter.headers, letter.body))
            await asyncio.wait_for(done.wait(), PATIENCE_S)
            run.latencies_ms.append((time.perf_counter() - began) * 1000)
        connection.close()

    began = time.perf_counter()
    await asyncio.gather(*(person(number) for number in range(chats)))
    run.seconds = time.perf_counter() - began
    return run


async def send(
    target: Target,
    *,
    connections: int,
    messages: int,
    tag: str,
    text: str = "/ping",
    who: Who = same,
    per_second: float = 0,
) -> Run:
    """Events at `connections` at once; only the acknowledgement is waited for.

    With `per_second`, each event has its moment, and its latency counts from that moment: a server
    that falls behind cannot hide it by being asked less.
    """
    run = Run()
    numbers = iter(range(messages))
    began = time.perf_counter()

    async def sender(number: int) -> None:
        connection = Connection(target.port)
        for count, turn in enumerate(numbers):
            moment = began + turn / per_second if per_second else time.perf_counter()
            await asyncio.sleep(max(0.0, moment - time.perf_counter())) if per_second else None
            letter = target.dialect.letter(tag, who(number, count), text)
            run.keys.append(letter.key)
            run.count(await connection.post(target.dialect.path, letter.headers, letter.body))
            run.latencies_ms.append((time.perf_counter() - moment) * 1000)
        connection.close()

    await asyncio.gather(*(sender(number) for number in range(connections)))
    run.seconds = time.perf_counter() - began
    return run


async def answered(sink: Sink, keys: list[str], patience_s: float = PATIENCE_S) -> None:
    """Wait until every one of these messages has its answer."""
    ends = time.monotonic() + patience_s
    left = set(keys)
    while left:
        left = {key for key in left if key not in sink.answers}
        if left and time.monotonic() > ends:
            raise TimeoutError(f"{len(left)} messages have no answer")
        await asyncio.sleep(0.02)
