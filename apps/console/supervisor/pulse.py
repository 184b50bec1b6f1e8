"""Has a child hung? One that runs and is ready, but gives no sign of life, is as good as dead."""

from __future__ import annotations

import time

from apps.console.supervisor.probes import sign

LOOKS = 4  # within the limit, however often somebody asks: a look may be a request


class Pulse:
    """The signs of life of one child, taken with the probe that says whether it is ready.

    Time counts from the last sign that we saw ourselves: a machine that slept wakes nobody's doubt.
    """

    def __init__(self, probe: str, limit_s: float) -> None:
        self.probe = probe
        self.limit_s = limit_s
        self.seen: float | None = None
        self.seen_at = 0.0
        self.look_at = 0.0

    def begin(self) -> None:
        """Count from now on: the child became ready, or was told to end."""
        self.seen, self.seen_at = sign(self.probe), time.monotonic()
        self.look_at = self.seen_at + self.limit_s / LOOKS

    def lost(self) -> bool:
        """Was there no sign for longer than the limit? Without a limit never."""
        if not self.limit_s or time.monotonic() < self.look_at:
            return False
        found = sign(self.probe)
        if found is not None and found != self.seen:
            self.seen, self.seen_at = found, time.monotonic()
        self.look_at = time.monotonic() + self.limit_s / LOOKS
        return time.monotonic() - self.seen_at > self.limit_s
