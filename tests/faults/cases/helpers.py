"""What several cases need."""

from __future__ import annotations

from collections.abc import Callable

from tests.console.stack import wait_for
from tests.faults.site import Machine

READY_S = 60


def more_workers(machine: Machine) -> Callable[[], None]:
    """Another pair of workers of the same data folder, beside those of `up`; returns their end."""
    pairs = (("second-io", "threads", "4", "control,interactive"),)
    pairs += (("second-jobs", "prefork", "1", "normal,batch"),)
    for name, pool, size, lanes in pairs:
        said = machine.start_more(
            "celery", "-A", "clawdbot", "worker", "-n", f"{name}@%h", "-P", pool, "-c", size,
            "-Q", lanes, "-I", "apps.console.supervisor.inside", "-l", "INFO",
            "--without-gossip", "--without-mingle",
        )  # fmt: skip
        wait_for(lambda said=said: "ready" in said.read_text(), READY_S, f"{name}")  # type: ignore[misc]
    return machine.end_more
