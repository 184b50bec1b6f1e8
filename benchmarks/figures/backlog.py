"""A backlog of waiting messages: an acknowledgement beside it, and what clearing it costs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import ExitStack

from benchmarks import fleet, load, meter
from benchmarks.figures import acks
from benchmarks.figures.growth import ratio
from benchmarks.installation import Installation
from benchmarks.measure import Cost, Row, medians, middle
from benchmarks.size import Size
from benchmarks.wire import Sink

SIZES = (20_000, 100_000)
FEW, MANY, MOST = 1_000, 10_000, 100_000  # to be cleared
CLEARING_S = 400


async def measure(names: Sequence[str], size: Size) -> dict[str, dict[str, Row]]:
    """`growth_backlog` (acknowledgements) and `growth_clearing` (handling what waits)."""
    beside: dict[str, Row] = {}
    clearing: dict[str, Row] = {}
    for name in names:
        if name in fleet.OURS:
            await _beside(name, size, beside)
            await _clearing(name, size, clearing)
    return {"growth_backlog": beside, "growth_clearing": clearing}


async def _beside(name: str, size: Size, table: dict[str, Row]) -> None:
    """Acknowledgements of two web sides, one of them with more and more messages that wait."""
    with ExitStack() as cleanup:
        sink = Sink()
        await sink.start()
        cleanup.callback(sink.close)
        empty = fleet.installation(name, cleanup, only="web")
        loaded = fleet.installation(name, cleanup, only="web")
        for system in (empty, loaded):
            await fleet.begin(system, sink, cleanup)
            tag = f"warm-{system.port}"
            await load.send(system.target, connections=8, messages=fleet.WARM, tag=tag)
        have = 0
        for waiting in SIZES:
            tag = f"back{waiting}"
            await asyncio.to_thread(_wait, loaded, tag, waiting - have)
            have, loaded.name = waiting, f"{name}, {waiting:,} waiting"
            rows = await medians([empty, loaded], acks.alone(2 * size.messages), size.rounds)
            table[f"{name}, beside {waiting:,}"] = rows[name]
            table[loaded.name] = rows[loaded.name]
            table[f"{name}, ratio at {waiting:,}"] = ratio(rows[name], rows[loaded.name])


def _wait(system: Installation, tag: str, count: int) -> None:
    system.inside("waiting", tag=tag, count=count)


async def _clearing(name: str, size: Size, table: dict[str, Row]) -> None:
    """The same messages, a few or many at once, until each has its answer."""
    counts = (FEW, MOST if size.full else MANY)
    with ExitStack() as cleanup:
        sink = Sink()
        await sink.start()
        cleanup.callback(sink.close)
        system = fleet.installation(name, cleanup)
        await fleet.begin(system, sink, cleanup)
        await fleet.warm(system, sink)
        few = [await _clear(system, sink, counts[0]) for _ in range(size.rounds)]
        many = [await _clear(system, sink, counts[1])]
    rows = [middle(few), middle(many)]
    for count, row in zip(counts, rows, strict=True):
        table[f"{name}, {count:,}"] = row
    table[f"{name}, ratio"] = ratio(*rows)


async def _clear(system: Installation, sink: Sink, count: int) -> Row:
    tag = f"c{time.time_ns() % 10**12}"
    keys = [f"{tag}-{number}" for number in range(count)]
    await meter.settle(system.pids)
    cost, began = Cost(system), time.perf_counter()
    await asyncio.to_thread(_wait, system, tag, count)
    await load.answered(sink, keys, CLEARING_S)
    seconds = time.perf_counter() - began
    await meter.settle(system.pids)
    return {"messages": count, "per_s": count / seconds, **cost.spent(count)}
