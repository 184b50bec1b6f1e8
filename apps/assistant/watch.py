"""The watch beside a running job: renews its lease, sees a cancel, keeps its time limit, and shows
its progress.

It is a thread. What it finds it raises inside the thread that runs the skill: by a signal in a
worker process (which also ends a sleeping call), by an asynchronous exception in a thread pool.
A skill that hears neither, because it hangs in C or swallows what is raised, loses its process.
"""

from __future__ import annotations

import ctypes
import faulthandler
import signal
import threading
import time
from types import FrameType, TracebackType

import structlog
from django.db import DatabaseError, InterfaceError, connection

from apps.assistant.models import Job
from apps.assistant.progress import Board
from apps.core import work

log = structlog.get_logger(__name__)
TICK_S = 0.25
LOOK_S = 1.0
RENEW_S = 8.0
GRACE_S = 5.0  # between asking a skill to end and ending its process
STDERR = 2

#: Is this a process of a pool, which can be ended and is replaced? Set where the pool makes it.
expendable = False


class Stopped(BaseException):
    """The job is no longer ours: cancelled, or taken over after our lease ran out."""


class TimedOut(BaseException):
    """The skill took longer than it declared."""


class Watch:
    """`with Watch(job, seconds, board):` round a skill's call; `board` shows its progress."""

    def __init__(self, job: Job, timeout_s: float, board: Board | None = None) -> None:
        self._job = job
        self._board = board
        self._timeout_s = timeout_s
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._inside = False
        self._verdict: type[BaseException] | None = None
        self._runner = threading.current_thread()
        self._by_signal = self._runner is threading.main_thread()
        self._thread = threading.Thread(target=self._watch, name=f"watch-{job.number}", daemon=True)

    def __enter__(self) -> Watch:
        if self._by_signal:
            signal.signal(signal.SIGUSR2, self._on_signal)
        self._end_process_in(self._timeout_s + GRACE_S)
        self._inside = True
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._lock:
            self._inside = False
            if expendable:
                faulthandler.cancel_dump_traceback_later()
        self._over.set()
        self._thread.join(timeout=5)

    def _watch(self) -> None:
        began = renewed = looked = time.monotonic()
        try:
            while not self._over.wait(TICK_S):
                now = time.monotonic()
                if now - began >= self._timeout_s:
                    self._interrupt(TimedOut)
                    return
                if now - looked >= LOOK_S:
                    looked, renew = now, now - renewed >= RENEW_S
                    if not self._ours(renew=renew):
                        self._interrupt(Stopped)
                        return
                    renewed = now if renew else renewed
                self._show_progress()
        finally:
            connection.close()

    def _ours(self, *, renew: bool) -> bool:
        """Is the lease still ours? A database that does not answer is no reason to stop yet."""
        try:
            token = (self._job.pk, self._job.attempts)
            if renew:
                return work.hold(Job, token)
            return work.held(Job, token)
        except (DatabaseError, InterfaceError) as error:
            log.warning("watch.database_away", job=self._job.number, error=type(error).__name__)
            connection.close()
            return True

    def _show_progress(self) -> None:
        try:
            if self._board is not None:
                self._board.tick()
        except (DatabaseError, InterfaceError) as error:
            log.warning("watch.no_sign", job=self._job.number, error=type(error).__name__)
            connection.close()
        except Exception:
            # Without the watch the lease would run out and the job run a second time.
            log.exception("watch.no_sign", job=self._job.number)

    def _interrupt(self, verdict: type[BaseException]) -> None:
        with self._lock:
            if not self._inside:
                return
            self._verdict = verdict
            self._end_process_in(GRACE_S)
            ident = self._runner.ident or 0
            if self._by_signal:
                signal.pthread_kill(ident, signal.SIGUSR2)
            else:
                ctypes.pythonapi.PyThreadState_SetAsyncExc(
                    ctypes.c_ulong(ident), ctypes.py_object(verdict)
                )

    def _end_process_in(self, seconds: float) -> None:
        """The last resort: a timer in C, which needs no lock of Python's. It logs where it hung."""
        if expendable:
            faulthandler.dump_traceback_later(seconds, exit=True, file=STDERR)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self._inside and self._verdict is not None:
            raise self._verdict
