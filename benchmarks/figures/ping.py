"""`/ping` from the signed event to the POST of the answer, at 1, 8 and 64 chats."""

from __future__ import annotations

from benchmarks import load, meter
from benchmarks.measure import Cost, Measure, Row, speed
from benchmarks.system import System
from benchmarks.wire import Sink


def asking(sink: Sink, chats: int, messages: int, text: str = "/ping") -> Measure:
    """A measure of `text` at that many chats."""

    async def measure(system: System, tag: str) -> Row:
        cost = Cost(system)
        run = await load.ask(
            system.target, sink, chats=chats, messages=messages, tag=tag, text=text
        )
        await meter.settle(system.pids)
        count = len(run.keys)
        return {**speed(run), **cost.spent(count), "twice": sink.twice(run.keys)}

    return measure
