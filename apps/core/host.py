"""The machine we run on: processors, memory and the disk of the data folder."""

from __future__ import annotations

from pathlib import Path

import psutil
from django.conf import settings


def data_disk() -> Path:
    """Return the data folder, or the nearest folder above it that exists."""
    path = Path(settings.CLAWDBOT_HOME)
    while not path.exists() and path != path.parent:
        path = path.parent
    return path


def figures() -> dict[str, float]:
    """Return the host's gauges by metric name.

    The processor share covers the time since the previous call in this process; 0 at the first.
    """
    memory = psutil.virtual_memory()
    disk = psutil.disk_usage(str(data_disk()))
    return {
        "clawdbot_host_cpu_ratio": psutil.cpu_percent() / 100,
        "clawdbot_host_load1": psutil.getloadavg()[0],
        "clawdbot_host_memory_used_bytes": memory.total - memory.available,
        "clawdbot_host_memory_total_bytes": memory.total,
        "clawdbot_host_disk_used_bytes": disk.used,
        "clawdbot_host_disk_total_bytes": disk.total,
    }
