"""SQLite with a queue at its door: who writes next is decided by a file lock that wakes up.

SQLite lets a writer that finds the database locked sleep for 1, 2, 5, 10, 15, 20, 25 ms and try
again (sqlite3_busy_timeout), so with three processes that write all day the lock lies idle for most
of the time. Here a transaction first takes an exclusive flock(2), whose next holder is woken in
microseconds. SQLite's own lock still decides: whoever writes without the queue only waits longer.
"""

from __future__ import annotations

import fcntl
import os

from django.db.backends.sqlite3 import base


class DatabaseWrapper(base.DatabaseWrapper):
    """One connection; it stands in the queue from BEGIN to COMMIT or ROLLBACK."""

    _door: int | None = None
    _door_of = 0

    def _start_transaction_under_autocommit(self) -> None:
        self._enter()
        try:
            super()._start_transaction_under_autocommit()  # type: ignore[misc]
        except BaseException:
            self._leave()
            raise

    def _commit(self) -> None:
        super()._commit()  # type: ignore[misc]
        self._leave()  # not when it failed: then a rollback follows

    def _rollback(self) -> None:
        try:
            super()._rollback()  # type: ignore[misc]
        finally:
            self._leave()

    def _close(self) -> None:
        try:
            super()._close()  # type: ignore[misc]
        finally:
            self._leave()
            if self._door is not None and self._door_of == os.getpid():
                os.close(self._door)
            self._door = None

    def _enter(self) -> None:
        if self.is_in_memory_db():
            return
        if self._door is None or self._door_of != os.getpid():
            # What a fork inherited shares its lock with the parent.
            path = f"{self.settings_dict['NAME']}-queue"
            self._door = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            self._door_of = os.getpid()
        fcntl.flock(self._door, fcntl.LOCK_EX)

    def _leave(self) -> None:
        if self._door is not None and self._door_of == os.getpid():
            fcntl.flock(self._door, fcntl.LOCK_UN)
