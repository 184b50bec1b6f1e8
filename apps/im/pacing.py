"""When a platform says "too many, come again later", its whole bot waits, not that one message.

Until the time that it named nothing is sent for the bot. Then one message goes out, and while they
are taken two, four, eight …; the next refusal starts it again. What waits meanwhile is not claimed:
it costs no attempt and keeps its place in its conversation. Each process learns for itself.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

#: From here on a bot is as free as any other.
FREE = 64
#: Longer than a lease lasts.
FORGOTTEN_S = 40.0


@dataclass
class _Limit:
    until: float
    window: int = 1
    under_way: int = 0
    claimed_at: float = 0.0


class Pacing:
    """The bots that were told to slow down, by their keys."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._limits: dict[int, _Limit] = {}

    def limited(self) -> list[int]:
        """Bots whose messages are not to be claimed like any other's."""
        with self._lock:
            return list(self._limits)

    def waits(self, bot: int) -> float:
        """Seconds until something may be sent for a bot; 0 when it may now."""
        with self._lock:
            limit = self._limits.get(bot)
            return max(0.0, limit.until - time.monotonic()) if limit else 0.0

    def open(self) -> dict[int, int]:
        """Limited bots for which some messages may be claimed now, and how many."""
        now, found = time.monotonic(), {}
        with self._lock:
            for bot, limit in self._limits.items():
                if limit.claimed_at < now - FORGOTTEN_S:
                    limit.under_way = 0  # they could not even be tried
                if limit.until <= now and limit.window > limit.under_way:
                    found[bot] = limit.window - limit.under_way
        return found

    def claimed(self, bot: int, count: int) -> None:
        """So many were claimed out of `open`."""
        with self._lock:
            limit = self._limits.get(bot)
            if limit is not None and count:
                limit.under_way += count
                limit.claimed_at = time.monotonic()

    def refused(self, bot: int, seconds: float) -> None:
        """The platform wants to be left alone for so long."""
        with self._lock:
            self._limits[bot] = _Limit(time.monotonic() + seconds)

    def went_through(self, bot: int) -> None:
        """The platform took one, or said something else about it than to slow down."""
        with self._lock:
            limit = self._limits.get(bot)
            if limit is None or limit.until > time.monotonic():
                return  # that call was made before the refusal
            limit.under_way = max(0, limit.under_way - 1)
            limit.window *= 2
            if limit.window >= FREE:
                del self._limits[bot]


pacing = Pacing()
