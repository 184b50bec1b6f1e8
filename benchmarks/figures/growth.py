"""What grows with an installation: the same load on a small one and on large ones, in turns."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import ExitStack

from benchmarks import fleet, load, meter
from benchmarks.installation import Installation
from benchmarks.measure import Cost, Measure, Row, medians, speed
from benchmarks.size import Size
from benchmarks.system import System
from benchmarks.wire import Sink

PEOPLE = 100_000
CHATS = 8
STEP = 7919  # a prime: neighbours in time are none in the table
FEW, SOME, MANY = 1_000, 10_000, 100_000


def ratio(small: Row, large: Row) -> Row:
    """Cost when large divided by cost when small."""
    return {
        name: round(large[name] / small[name], 3)
        for name in small
        if name.endswith("_ms") and not name.startswith("p") and small[name]
    }


def spread(people: int, chats: int) -> load.Who:
    """Each connection goes through people of its own, one after another."""
    each = people // chats

    def who(number: int, count: int) -> int:
        return number * each + count * STEP % each

    return who


def _asking(sink: Sink, messages: int, text: str, everybody: set[str]) -> Measure:
    async def measure(system: System, tag: str) -> Row:
        who = spread(PEOPLE, CHATS) if system.name in everybody else load.same
        cost = Cost(system)
        run = await load.ask(
            system.target, sink, chats=CHATS, messages=messages, tag=tag, text=text, who=who
        )
        await meter.settle(system.pids)
        return {**speed(run), **cost.spent(len(run.keys))}

    return measure


async def measure(names: Sequence[str], size: Size) -> dict[str, dict[str, Row]]:
    """`growth_people`, `growth_history` and `growth_history_jobs`."""
    past = 1_000_000 if size.full else 100_000
    found: dict[str, dict[str, Row]] = {}
    for name in names:
        if name in fleet.OURS:
            await _one(name, past, size, found)
    return found


async def _one(name: str, past: int, size: Size, found: dict[str, dict[str, Row]]) -> None:
    with ExitStack() as cleanup:
        sink = Sink()
        await sink.start()
        cleanup.callback(sink.close)
        small, people, history = (
            fleet.installation(name, cleanup, suffix=suffix)
            for suffix in ("", f", {PEOPLE:,} people", f", {past:,} past")
        )
        for system in (small, people, history):
            await fleet.begin(system, sink, cleanup)
            await _use(system, sink)
        await _refill(people, "people", count=PEOPLE)
        await _refill(history, "history", count=past)
        for system in (people, history):
            await _use(system, sink)
        pings = _asking(sink, size.messages // 2, "/ping", {people.name})
        rows = await medians([small, people, history], pings, size.rounds)
        _put(found, "growth_people", rows, small, people)
        _put(found, "growth_history", rows, small, history)
        jobs = _asking(sink, size.messages // 8, "/noop", set())
        rows = await medians([small, history], jobs, size.rounds)
        _put(found, "growth_history_jobs", rows, small, history)


async def _use(system: Installation, sink: Sink) -> None:
    """Some of everything: warms it, and leaves rows to copy."""
    for text in ("/ping", "/noop"):
        tag = f"use-{text[1:]}-{system.port}"
        await load.ask(system.target, sink, chats=64, messages=128, tag=tag, text=text)
    await fleet.warm(system, sink)
    await meter.settle(system.pids)


async def _refill(system: Installation, call: str, **arguments: int) -> None:
    """Rows in bulk while it stands still."""
    await asyncio.to_thread(system.stop)
    await asyncio.to_thread(lambda: system.inside(call, **arguments))
    await asyncio.to_thread(system.start)


def _put(
    found: dict[str, dict[str, Row]],
    figure: str,
    rows: dict[str, Row],
    small: System,
    large: System,
) -> None:
    """The two rows and their ratio."""
    table = found.setdefault(figure, {})
    table[small.name] = rows[small.name]
    table[large.name] = rows[large.name]
    table[f"{small.name}, ratio"] = ratio(rows[small.name], rows[large.name])


async def schedules(names: Sequence[str], size: Size) -> dict[str, dict[str, Row]]:
    """`growth_schedules`: beat's look, one firing and following edits among more and more."""
    table: dict[str, Row] = {}
    for name in names:
        if name not in fleet.OURS:
            continue
        with ExitStack() as cleanup:
            sink = Sink()
            await sink.start()
            cleanup.callback(sink.close)
            # Without beat: the measured one is to lead.
            system = fleet.installation(name, cleanup, only="web")
            await fleet.begin(system, sink, cleanup)
            for count in (FEW, SOME, MANY):
                table[f"{name}, {count:,}"] = await asyncio.to_thread(_beat, system, count)
        few, many = table[f"{name}, {FEW:,}"], table[f"{name}, {MANY:,}"]
        table[f"{name}, ratio"] = ratio(few, many)
    return {"growth_schedules": table}


def _beat(system: Installation, count: int) -> Row:
    system.inside("schedules", count=count)
    row: Row = system.inside("beat", database_pids=system.database_pids)
    return {name: round(value, 3) for name, value in row.items()}
