"""SQLite with a queue at its door: who writes next is decided by a file lock that wakes up.

SQLite lets a writer that finds the database locked sleep for 1, 2, 5, 10, 15, 20, 25 ms and try
again (sqlite3_busy_timeout), so with three processes that write all day the lock lies idle for most
of the time. Here whoever writes first takes an exclusive flock(2), whose next holder is woken in
microseconds: a transaction for as long as it lasts, a lone statement while it runs. All have to
stand in it, because who only sleeps and tries again finds the database locked for seconds while
others hand it on. SQLite's own lock still decides; the queue only saves waiting.

Of each process one thread at a time stands in it. The turns then go round among the processes: a
worker with two hundred threads that want to write does not put two hundred turns before the next
webhook, and a turn that ends wakes no crowd.
"""

from __future__ import annotations

import fcntl
import os
import threading
import weakref
from collections.abc import Callable
from typing import Any

from django.db.backends.sqlite3 import base

_WRITES = ("INSERT", "UPDATE", "DELETE", "REPLACE")


class _Cursor(base.SQLiteCursorWrapper):
    """Takes its place in the queue for a statement that writes outside a transaction."""

    wrapper: DatabaseWrapper

    def execute(self, query: str, params: Any = None) -> Any:
        """Run one statement."""
        return self._in_turn(query, super().execute, params)

    def executemany(self, query: str, param_list: Any) -> Any:
        """Run one statement with each of many parameters."""
        return self._in_turn(query, super().executemany, param_list)

    def _in_turn(self, query: str, run: Callable[[str, Any], Any], params: Any) -> Any:
        if self.connection.in_transaction or not writes(query):
            return run(query, params)
        try:
            self.wrapper._enter()
            return run(query, params)
        finally:
            self.wrapper._leave()


def writes(query: str) -> bool:
    """Does this statement write, as far as its first word tells?"""
    return query[:32].lstrip()[:7].upper().startswith(_WRITES)


class DatabaseWrapper(base.DatabaseWrapper):
    """One connection; it stands in the queue from BEGIN to COMMIT or ROLLBACK."""

    _door: int | None = None

    def create_cursor(self, name: str | None = None) -> _Cursor:
        """A cursor that knows whose queue it stands in."""
        cursor: _Cursor = self.connection.cursor(factory=_Cursor)
        cursor.wrapper = self
        return cursor

    def _start_transaction_under_autocommit(self) -> None:
        try:
            self._enter()
            super()._start_transaction_under_autocommit()  # type: ignore[misc]
        except BaseException:
            self._leave()
            raise

    def _set_autocommit(self, autocommit: bool) -> None:
        super()._set_autocommit(autocommit)  # type: ignore[misc]
        if autocommit:
            # Every transaction comes by here last, also one that a signal cut short.
            self._leave()

    def _close(self) -> None:
        try:
            super()._close()  # type: ignore[misc]
        finally:
            self._leave()
            self._shut()

    @property
    def _path(self) -> str:
        return f"{self.settings_dict['NAME']}-queue"

    def _enter(self) -> None:
        if self.is_in_memory_db():
            return
        if self._door is None:
            self._door = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            _with_doors.add(self)
        _turn(self._path).acquire()
        fcntl.flock(self._door, fcntl.LOCK_EX)

    def _leave(self) -> None:
        if self._door is not None:
            fcntl.flock(self._door, fcntl.LOCK_UN)
            _give_back(_turn(self._path))

    def _shut(self) -> None:
        """Close our copy of the door; whoever has another copy keeps the lock that is on it."""
        door, self._door = self._door, None
        if door is not None:
            os.close(door)


_with_doors: weakref.WeakSet[DatabaseWrapper] = weakref.WeakSet()
#: By door: which thread of this process stands at it. These locks know their owner, so that giving
#: back needs no memory of having taken, which an exception from outside could cut short.
_turns: dict[str, threading.RLock] = {}


def _turn(path: str) -> threading.RLock:
    return _turns.get(path) or _turns.setdefault(path, threading.RLock())


def _give_back(turn: threading.RLock) -> None:
    """Let the next thread go; nothing happens when it is not this thread's turn."""
    try:
        while True:
            turn.release()
    except RuntimeError:
        return


def _after_fork() -> None:
    """A child lets go of its parent's doors: it would hold their locks after the parent's death.

    Whichever of its parent's threads had their turn are not there to end it.
    """
    _turns.clear()
    for wrapper in list(_with_doors):
        wrapper._shut()


os.register_at_fork(after_in_child=_after_fork)
