"""Runs a part of the suite once more, in a process of its own, on another server."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FAILURES = re.compile(r"^=+ (?:FAILURES|ERRORS) =+$", re.MULTILINE)
CLOSING = re.compile(r"^.*\b(\d+) passed\b.*$", re.MULTILINE)


def run_again(*arguments: str, timeout_s: float = 900, **environment: str) -> int:
    """Run pytest with the arguments and variables; returns how many tests passed.

    Fails with the inner failures, and only those, when there are any.
    """
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--tb=short", "-rN", *arguments],
        cwd=ROOT,
        env={**_outer(), **environment},
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    closing = CLOSING.search(done.stdout)
    if done.returncode or closing is None:
        found = FAILURES.search(done.stdout)
        told = done.stdout[found.start() :] if found else done.stdout[-6000:] + done.stderr[-6000:]
        print(told)  # shown once, as what this test said
        pytest.fail(f"on the other server pytest ended with {done.returncode}", pytrace=False)
    return int(closing[1])


def _outer() -> dict[str, str]:
    """Our environment without what these settings put into it: the inner run makes its own."""
    dropped = ("DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL", "PYTEST_ADDOPTS")
    return {
        name: value
        for name, value in os.environ.items()
        if name not in dropped and (not name.startswith("CLAWDBOT_") or "_TEST_" in name)
    }
