"""One `up` for each data folder: a file lock that the kernel gives back however its holder dies."""

from __future__ import annotations

import fcntl
import json
import os
import time
from dataclasses import dataclass
from pathlib import Path

TRIES = 6
PAUSE_S = 0.05


@dataclass(frozen=True)
class Holder:
    """Who holds the lock."""

    pid: int
    what: str  # `up` or `say`


class Taken(Exception):
    """Another process holds the lock of this data folder."""

    def __init__(self, holder: Holder) -> None:
        self.holder = holder
        super().__init__(f"{holder.what} (pid {holder.pid}) holds this data folder")


class HomeLock:
    """The lock of one data folder, held until `release` or the end of the process."""

    def __init__(self, home: Path) -> None:
        self.path = home / "run" / "lock"
        self.fd = -1

    def acquire(self, what: str) -> None:
        """Take it, or raise Taken within a moment."""
        fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if not _locked(fd):
            os.close(fd)
            raise Taken(_read(self.path))
        os.ftruncate(fd, 0)
        os.write(fd, json.dumps({"pid": os.getpid(), "what": what}).encode())
        self.fd = fd

    def keep_over_exec(self) -> int:
        """Let the next program of this process hold the lock on; return its descriptor."""
        os.set_inheritable(self.fd, True)
        return self.fd

    def release(self) -> None:
        """Give it back; the file stays, so that two processes can never lock two files."""
        if self.fd >= 0:
            os.ftruncate(self.fd, 0)
            os.close(self.fd)
            self.fd = -1


def _locked(fd: int) -> bool:
    for _ in range(TRIES):
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            # Somebody who only asks who holds it holds it for an instant.
            time.sleep(PAUSE_S)
        else:
            return True
    return False


def holder(home: Path) -> Holder | None:
    """Who holds the lock now; None when nobody does."""
    lock = HomeLock(home)
    if not lock.path.exists():
        return None
    fd = os.open(lock.path, os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _read(lock.path)
    finally:
        os.close(fd)
    return None


def _read(path: Path) -> Holder:
    try:
        found = json.loads(path.read_text())
        return Holder(int(found["pid"]), str(found["what"]))
    except (ValueError, KeyError):
        return Holder(0, "?")  # it was taken a moment ago and is not written yet
