"""A process of its own for bytes that nobody here wrote: small, limited, without our settings.

The parent calls `run`; the child calls `limit` before it looks at anything, and ends with `fail`
and one word that its parent knows. Only the standard library is needed on either side.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

FAILED = 3
_ROOT = Path(__file__).resolve().parents[2]


class Ended(Exception):
    """The child ended with `status`; `word` is the last line that it said."""

    def __init__(self, status: int, word: str) -> None:
        self.status, self.word = status, word
        super().__init__(f"status {status}: {word[:200]}")


def run(module: str, argv: list[str], data: bytes, timeout_s: float) -> bytes:
    """Run `python -m module` with `data` on its stdin; returns what it wrote to stdout.

    Raises `Ended`, `subprocess.TimeoutExpired`, or OSError when it could not be started.
    """
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-m", module, *argv],
        input=data, capture_output=True, timeout=timeout_s, check=False,
        cwd=_ROOT, env=environment(), close_fds=True,
    )  # fmt: skip
    if done.returncode:
        word = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise Ended(done.returncode, word)
    return done.stdout


def environment() -> dict[str, str]:
    """Nothing of ours: no secret, no address, no way to a model hub."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL") if name in os.environ}
    return kept | {
        "HF_HUB_OFFLINE": "1", "OPENPYXL_LXML": "False", "PYTHONDONTWRITEBYTECODE": "1",
        "MALLOC_ARENA_MAX": "2",
    }  # fmt: skip


def limit(*, memory: int, seconds: int) -> None:
    """No more than this (bytes, seconds of CPU), and nothing written to disk."""
    limits = {
        resource.RLIMIT_CPU: seconds,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NOFILE: 64,
    }
    if sys.platform == "linux":  # elsewhere address space is no measure of memory
        limits[resource.RLIMIT_AS] = memory
    for kind, most in limits.items():
        _, hard = resource.getrlimit(kind)
        wanted = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (wanted, wanted))


def fail(word: str) -> NoReturn:
    """End with a word that the parent knows."""
    sys.stderr.write(word + "\n")
    sys.stderr.flush()
    sys.exit(FAILED)
