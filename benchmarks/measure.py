"""One load against one system, and rounds of them, so that a noisy machine hits all alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from benchmarks import meter
from benchmarks.load import Run
from benchmarks.system import System

Row = dict[str, float]
Measure = Callable[[System, str], Awaitable[Row]]


@dataclass
class Cost:
    """CPU of a system's trees (and its database's) since it was made."""

    system: System

    def __post_init__(self) -> None:
        self._own, self._database = self._now()

    def _now(self) -> tuple[float, float]:
        return meter.cpu_seconds(self.system.pids), meter.cpu_seconds(self.system.database_pids)

    def spent(self, count: int) -> Row:
        """Milliseconds for each of `count` messages."""
        own, database = self._now()
        row = {"cpu_ms": 1000 * (own - self._own) / count}
        if self.system.database_pids:
            row["database_cpu_ms"] = 1000 * (database - self._database) / count
        return row


def speed(run: Run) -> Row:
    """Throughput and latencies of a run."""
    return {
        "messages": len(run.latencies_ms),
        "per_s": len(run.latencies_ms) / run.seconds,
        "p50_ms": run.percentile(0.5),
        "p99_ms": run.percentile(0.99),
    }


def middle(rows: Sequence[Row]) -> Row:
    """The median of each column; what was counted (`twice`) is added up."""
    found = {name: statistics.median(row[name] for row in rows) for name in rows[0]}
    if "twice" in found:
        found["twice"] = sum(row["twice"] for row in rows)
    return {name: round(value, 3) for name, value in found.items()}


def turned(systems: Sequence[System], number: int) -> list[System]:
    """The systems in the order of round `number`: each comes first in turn."""
    first = number % len(systems)
    return [*systems[first:], *systems[:first]]


async def rounds(systems: Sequence[System], measure: Measure, count: int) -> dict[str, list[Row]]:
    """Measure A B C, B C A, …; all rows by system."""
    found: dict[str, list[Row]] = {system.name: [] for system in systems}
    for number in range(count):
        for system in turned(systems, number):
            tag = f"{system.name}-{time.time_ns()}"
            found[system.name].append(await measure(system, tag))
    return found


async def medians(systems: Sequence[System], measure: Measure, count: int) -> dict[str, Row]:
    """The middle of the rounds, by system."""
    found = await rounds(systems, measure, count)
    return {name: middle(rows) for name, rows in found.items()}
