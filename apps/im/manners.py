"""How often a platform lets us speak: to one chat, about one message, with one bot.

Every call takes a place before it goes out; one that comes too early is told how long to wait.
Each process counts for itself: what several workers send together the platform's own "later"
(`pacing`) holds back.
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Sequence

from apps.im.shapes import Rate

#: So many chats are remembered at most before those that are quiet are forgotten.
MOST_KEPT = 20_000


class _Window:
    """The places taken under one rate: at most `count` in any `seconds`."""

    __slots__ = ("count", "places", "seconds")

    def __init__(self, rate: Rate) -> None:
        self.count, self.seconds = rate
        self.places: deque[float] = deque(maxlen=self.count)

    def free_at(self, now: float) -> float:
        """When the next place is free."""
        if len(self.places) < self.count:
            return now
        return max(now, self.places[0] + self.seconds)

    def quiet(self, now: float) -> bool:
        """Would a new window say the same?"""
        return not self.places or self.places[-1] + self.seconds < now


class Manners:
    """The windows of one process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._windows: dict[tuple[object, ...], list[_Window]] = {}

    def take(
        self, *asked: tuple[tuple[object, ...], Sequence[Rate]], most: float = math.inf
    ) -> float:
        """Take one place under each (key, rates); returns the seconds until it may be used.

        Places are given in order: whoever asks later waits longer. None is taken that is more
        than `most` seconds away: who comes again for it takes another one then.
        """
        now = time.monotonic()
        with self._lock:
            windows = [w for key, rates in asked if rates for w in self._of(key, rates, now)]
            at = max((w.free_at(now) for w in windows), default=now)
            if at - now <= most:
                for window in windows:
                    window.places.append(at)
        return at - now

    def _of(self, key: tuple[object, ...], rates: Sequence[Rate], now: float) -> list[_Window]:
        found = self._windows.get(key)
        if found is None:
            if len(self._windows) >= MOST_KEPT:
                self._forget(now)
            found = self._windows[key] = [_Window(rate) for rate in rates]
        return found

    def _forget(self, now: float) -> None:
        for key in [k for k, ws in self._windows.items() if all(w.quiet(now) for w in ws)]:
            del self._windows[key]


manners = Manners()
