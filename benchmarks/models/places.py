"""The parts of an installation that calls go through: their memory, and when they are there."""

from __future__ import annotations

from dataclasses import dataclass

import psutil

from benchmarks import meter
from benchmarks.installation import Installation

ROLES = ("web", "worker-model")


@dataclass(frozen=True, slots=True)
class Size:
    """Memory in MiB: proportional (PSS) and resident (RSS); how many threads."""

    pss: float
    rss: float
    threads: int


def pid(home: Installation, role: str) -> int | None:
    """The process of a role, None before it has begun to work."""
    folder = home.home / "home" / "run"
    file, ready = folder / f"{role}.pid", folder / f"{role}.ready"
    if not file.exists() or (role.startswith("worker") and not ready.exists()):
        return None
    return int(file.read_text())


def sizes(home: Installation) -> dict[str, Size]:
    """Of each role, its children included; and of the whole house."""
    found = {role: size(number) for role in ROLES if (number := pid(home, role))}
    everything = [size(root) for root in home.pids]
    total = Size(
        sum(one.pss for one in everything), sum(one.rss for one in everything),
        sum(one.threads for one in everything),
    )  # fmt: skip
    return {**found, "everything": total}


def size(root: int) -> Size:
    """Of a process and what it started."""
    pss = rss = 0.0
    threads = 0
    for process in meter.tree(root):
        try:
            info = process.memory_full_info()
            pss, rss = pss + info.pss, rss + info.rss
            threads += process.num_threads()
        except psutil.NoSuchProcess:
            continue
    return Size(pss / 2**20, rss / 2**20, threads)
