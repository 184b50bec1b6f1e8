"""What a tree of processes costs: CPU seconds and proportional memory."""

from __future__ import annotations

from collections.abc import Iterable

import psutil


def tree(root: int) -> list[psutil.Process]:
    """The process and everything below it."""
    parent = psutil.Process(root)
    return [parent, *parent.children(recursive=True)]


def cpu_seconds(roots: Iterable[int]) -> float:
    """User and system time of the trees, ended children included."""
    total = 0.0
    for root in roots:
        for process in tree(root):
            try:
                times = process.cpu_times()
            except psutil.NoSuchProcess:
                continue
            total += times.user + times.system
            if process.pid == root:
                total += times.children_user + times.children_system
    return total


def pss_mib(root: int) -> dict[str, float]:
    """Proportional set size in MiB by process, so that shared pages count once."""
    found: dict[str, float] = {}
    for process in tree(root):
        try:
            size = process.memory_full_info().pss / 2**20
            name = " ".join(process.cmdline()[:6])[-60:]
        except psutil.NoSuchProcess:
            continue
        found[f"{process.pid} {name}"] = size
    return found
