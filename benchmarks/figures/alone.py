"""One system at a time: how long it takes to start, and its memory.

Alone, because pages that two systems share would count half for each.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import ExitStack

from benchmarks import fleet, load, meter
from benchmarks.measure import Row, middle
from benchmarks.size import Size
from benchmarks.system import System
from benchmarks.wire import Connection, Sink

MANY = 10_000
CHATS = 64


async def measure(names: Sequence[str], size: Size) -> dict[str, dict[str, Row]]:
    """`start` and `memory`."""
    start: dict[str, Row] = {}
    memory: dict[str, Row] = {}
    for name in names:
        with ExitStack() as cleanup:
            sink = Sink()
            await sink.start()
            cleanup.callback(sink.close)
            system = fleet.make(name, sink, cleanup)
            began = time.perf_counter()
            await fleet.begin(system, sink, cleanup)
            first = time.perf_counter() - began
            rows = [await _again(system, sink) for _ in range(size.rounds)]
            start[name] = {"first_start_s": round(first, 2), **middle(rows)}
            memory[name] = await _memory(system, sink)
    return {"start": start, "memory": memory}


async def _again(system: System, sink: Sink) -> Row:
    """Stop it, start it, and ask at once until the first answer is there."""
    began = time.perf_counter()
    await asyncio.to_thread(system.stop)
    stopped = time.perf_counter()
    asking = asyncio.create_task(_first_answer(system, sink))
    await asyncio.to_thread(system.start)
    ready = time.perf_counter()
    await asking
    answered = time.perf_counter()
    return {
        "stop_s": stopped - began,
        "ready_s": ready - stopped,
        "first_answer_s": answered - stopped,
        "start_cpu_s": meter.cpu_seconds(system.pids),
    }


async def _first_answer(system: System, sink: Sink) -> None:
    """Ask until somebody takes the question, then wait for what comes back."""
    while True:
        letter = system.target.dialect.letter(f"first-{time.time_ns()}", 0, "/ping")
        done = sink.expect(letter.key)
        connection = Connection(system.target.port)
        try:
            path = system.target.dialect.path
            status = await connection.post(path, letter.headers, letter.body)
        except (OSError, asyncio.IncompleteReadError):
            status = 0
        connection.close()
        if 200 <= status < 300:
            await asyncio.wait_for(done.wait(), load.PATIENCE_S)
            return
        await asyncio.sleep(0.01)


async def _memory(system: System, sink: Sink) -> Row:
    await meter.settle(system.pids)
    idle = meter.pss_mib(system.pids)
    tag = f"memory-{time.time_ns()}"
    await load.ask(system.target, sink, chats=CHATS, messages=MANY, tag=tag)
    await meter.settle(system.pids)
    after = meter.pss_mib(system.pids)
    return {
        "idle_mib": round(idle, 1),
        "after_mib": round(after, 1),
        "processes": sum(len(meter.tree(pid)) for pid in system.pids),
    }
