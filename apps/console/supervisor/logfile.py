"""The log file of one child: appended to, rotated when large, its last words readable."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import BinaryIO

LARGE = 10 * 1024 * 1024


def open_log(path: Path) -> BinaryIO:
    """Open for appending, readable by us alone; a large one is put aside as `.1` first."""
    if path.exists() and path.stat().st_size > LARGE:
        path.replace(path.with_suffix(".log.1"))
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab")


def rotate_live(path: Path) -> bool:
    """Put a large log aside while its writer keeps it open; a few lines may be lost."""
    if not path.exists() or path.stat().st_size <= LARGE:
        return False
    shutil.copyfile(path, path.with_suffix(".log.1"))
    path.with_suffix(".log.1").chmod(0o600)
    # The writer appends, so that its next line starts at the new end.
    os.truncate(path, 0)
    return True


def last_words(path: Path, limit: int = 200) -> str:
    """The last line that says something; empty when there is none."""
    lines = tail(path).splitlines()
    return next((line.strip()[:limit] for line in reversed(lines) if line.strip()), "")


def tail(path: Path, size: int = 8192) -> str:
    """The end of the log as text."""
    try:
        with path.open("rb") as log:
            log.seek(0, os.SEEK_END)
            log.seek(max(log.tell() - size, 0))
            return log.read().decode(errors="replace")
    except FileNotFoundError:
        return ""
