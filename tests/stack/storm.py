"""A platform in bad weather: some of its calls fail, in every way that calls fail in."""

from __future__ import annotations

import random
import threading
from collections import Counter

from apps.simulate.desk import Desk
from apps.simulate.server import Answer, Call, Fault

SHARE = 0.3
#: How often each way occurs among the failures.
WAYS = {"429": 2, "500": 4, "503": 3, "cut": 4, "reset": 4}
HANGS = 3  # each costs the caller's whole patience
WAIT_S = 1  # asked for by a 429
#: Calls that were on their way when the refusal was.
GRACE_S = 0.3


class Storm:
    """Set it as a stand's `trouble`. `seed` fixes what the n-th call meets."""

    def __init__(self, desk: Desk, seed: int) -> None:
        self._desk = desk
        self._random = random.Random(seed)
        self._lock = threading.Lock()
        self._hangs = HANGS
        self.calls: list[float] = []
        self.refused: list[tuple[float, float]] = []  # (when, until when nobody may call)
        self.met: Counter[str] = Counter()
        self.over = False
        #: What a platform asks us again and again; its answers get lost, and nothing is refused.
        self.polls = 0

    def __call__(self, call: Call) -> Fault | None:
        """What this call meets; None when all is well."""
        with self._lock:
            if call.method == "POLL":
                return self._poll()
            self.calls.append(call.at)
            if self.over or self._random.random() >= SHARE:
                return None
            way, after = self._way(), self._random.random() < 0.5
            self.met[way] += 1
            if way == "429":
                self.refused.append((call.at, call.at + WAIT_S))
        match way:
            case "429":
                return Fault("", "answer", self._desk.too_many(WAIT_S))
            case "500" | "503":
                return Fault("", "answer", Answer(int(way), {}), after=after)
            case "hang":
                return Fault("", "hang", after=after)
            case "cut":
                return Fault("", "cut", after=True)
            case _:
                return Fault("", "reset", after=after)

    def _poll(self) -> Fault | None:
        self.polls += 1
        if self.over or self._random.random() >= SHARE:
            return None
        self.met["lost poll"] += 1
        return Fault("", "cut", after=True)

    def _way(self) -> str:
        if self._hangs and self._random.random() < 0.1:
            self._hangs -= 1
            return "hang"
        return self._random.choices(list(WAYS), list(WAYS.values()))[0]

    def early(self) -> list[float]:
        """Calls that came while a refusal asked to be left alone: seconds since it."""
        return [
            round(at - since, 3)
            for since, until in self.refused
            for at in self.calls
            if since + GRACE_S < at < until
        ]

    @property
    def share(self) -> float:
        """The part of all calls that failed."""
        return sum(self.met.values()) / max(1, len(self.calls) + self.polls)
