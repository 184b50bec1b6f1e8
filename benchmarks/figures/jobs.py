"""Jobs: `/noop` from the signed event to the answer, and empty jobs without any message."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys

from benchmarks import meter
from benchmarks.installation import Installation
from benchmarks.measure import Cost, Measure, Row
from benchmarks.peers.celery import StockCelery
from benchmarks.system import ROOT, System


def runs_jobs(system: System) -> bool:
    """Has it jobs at all?"""
    return isinstance(system, Installation | StockCelery)


def empty(count: int) -> Measure:
    """`count` empty jobs: published (Celery) or made as rows (ours), until the last has ended."""

    async def measure(system: System, tag: str) -> Row:
        cost = Cost(system)
        made = await asyncio.to_thread(_make, system, count)
        await meter.settle(system.pids)
        row = cost.spent(count)
        row["cpu_ms"] += 1000 * made["cpu_s"] / count
        return {"messages": count, "per_s": count / made["seconds"], **row}

    return measure


def _make(system: System, count: int) -> dict[str, float]:
    if isinstance(system, Installation):
        found: dict[str, float] = system.inside("jobs", count=count)
        return found
    assert isinstance(system, StockCelery)
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.peers.celery_jobs", str(count)],
        env={**os.environ, **system.env}, cwd=ROOT, stdout=subprocess.PIPE, check=True,
    )  # fmt: skip
    made: dict[str, float] = json.loads(done.stdout)
    return made
