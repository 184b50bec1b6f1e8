"""What a tree of processes costs: CPU seconds and proportional memory."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import psutil

STEP_S = 0.25
QUIET_S = 0.02  # of CPU within one step: what an idle tree uses
LONGEST = 20


def tree(root: int) -> list[psutil.Process]:
    """The process and everything below it; nothing when it has ended."""
    try:
        parent = psutil.Process(root)
        return [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def cpu_seconds(roots: Iterable[int]) -> float:
    """User and system time of the trees, children that ended included."""
    total = 0.0
    for root in roots:
        for process in tree(root):
            try:
                times = process.cpu_times()
            except psutil.NoSuchProcess:
                continue
            total += times.user + times.system + times.children_user + times.children_system
    return total


async def settle(roots: list[int]) -> None:
    """Wait until the trees are idle: what follows a message belongs to it."""
    before = cpu_seconds(roots)
    for _ in range(LONGEST):
        await asyncio.sleep(STEP_S)
        now = cpu_seconds(roots)
        if now - before <= QUIET_S:
            return
        before = now


def pss_mib(roots: Iterable[int]) -> float:
    """Proportional set size in MiB, so that pages that are shared count once."""
    return sum(by_process(roots).values())


def by_process(roots: Iterable[int]) -> dict[str, float]:
    """The same for each process."""
    found: dict[str, float] = {}
    for root in roots:
        for process in tree(root):
            try:
                size = process.memory_full_info().pss / 2**20
                name = " ".join(process.cmdline()[:6])[-60:]
            except psutil.NoSuchProcess:
                continue
            found[f"{process.pid} {name}"] = size
    return found
