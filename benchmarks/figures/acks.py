"""Acknowledgements at 64 connections: alone (nobody consumes), and with everything behind them."""

from __future__ import annotations

from benchmarks import load, meter
from benchmarks.measure import Cost, Measure, Row, speed
from benchmarks.system import System
from benchmarks.wire import Sink

CONNECTIONS = 64


def alone(messages: int) -> Measure:
    """What an acknowledgement costs while nothing follows it."""

    async def measure(system: System, tag: str) -> Row:
        cost = Cost(system)
        run = await load.send(system.target, connections=CONNECTIONS, messages=messages, tag=tag)
        row = {**speed(run), **cost.spent(len(run.keys))}
        await meter.settle(system.pids)
        return row

    return measure


def full(sink: Sink, messages: int, per_second: float = 0) -> Measure:
    """How fast they are while the whole stack handles and answers; CPU is that of all of it."""

    async def measure(system: System, tag: str) -> Row:
        cost = Cost(system)
        run = await load.send(
            system.target, connections=CONNECTIONS, messages=messages, tag=tag,
            per_second=per_second,
        )  # fmt: skip
        await load.answered(sink, run.keys)
        await meter.settle(system.pids)
        row = {**speed(run), **cost.spent(len(run.keys))}
        return {**row, "twice": sink.twice(run.keys)}

    return measure
