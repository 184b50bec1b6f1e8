"""Signals as something to wait for: the loop sleeps until one arrives or a time is over."""

from __future__ import annotations

import os
import select
import signal
from types import FrameType, TracebackType

WATCHED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)


class Signals:
    """While entered, the watched signals do nothing but end `wait`."""

    def __enter__(self) -> Signals:
        self.reader, self.writer = os.pipe()
        os.set_blocking(self.reader, False)
        os.set_blocking(self.writer, False)
        self.former = signal.set_wakeup_fd(self.writer, warn_on_full_buffer=False)
        self.handlers = {number: signal.signal(number, _ignore) for number in WATCHED}
        return self

    def wait(self, seconds: float) -> set[int]:
        """Sleep until a signal comes, at most `seconds`; return the signals that came."""
        readable, _, _ = select.select([self.reader], [], [], max(seconds, 0))
        return set(os.read(self.reader, 4096)) if readable else set()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self.handlers.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self.former)
        os.close(self.reader)
        os.close(self.writer)


def _ignore(number: int, frame: FrameType | None) -> None:
    """A Python-level handler must exist for the wake-up descriptor to be written."""
