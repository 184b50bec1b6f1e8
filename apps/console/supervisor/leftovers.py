"""End what an earlier `up` of this data folder left behind when it was killed.

On Linux the kernel has done it already; macOS has no death signal for children.
"""

from __future__ import annotations

from pathlib import Path

import psutil

from apps.console.supervisor.process import kill_group

PATIENCE_S = 3.0


def end_leftovers(home: Path) -> list[str]:
    """End them and return their roles. Call only while holding the lock of the data folder."""
    found = {path: _process(path, home) for path in (home / "run").glob("*.pid")}
    processes = [process for process in found.values() if process is not None]
    for process in processes:
        process.terminate()
    psutil.wait_procs(processes, timeout=PATIENCE_S)
    for process in processes:
        kill_group(process.pid)
    for path in found:
        path.unlink(missing_ok=True)
    return sorted(path.stem for path, process in found.items() if process is not None)


def _process(path: Path, home: Path) -> psutil.Process | None:
    """The process of a pid file, if it is still the one that we started on this data folder."""
    try:
        process = psutil.Process(int(path.read_text()))
        mine = process.environ().get("CLAWDBOT_HOME") == str(home)
    except (psutil.Error, ValueError, OSError):
        return None
    return process if mine else None
