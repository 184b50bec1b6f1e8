"""What a store of gates is asked and what it answers."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

#: What a call waits for, or is refused by.
Reason = Literal["qps", "in_flight", "breaker", "down"]
BreakerState = Literal["closed", "open", "half_open"]


class StoreDown(Exception):
    """The store of the gates cannot be asked."""


@dataclass(frozen=True, slots=True)
class Rules:
    """The limits of one model: calls per second (fractions too), calls at once; None for none."""

    qps: float | None = None
    in_flight: int | None = None

    @property
    def burst(self) -> float:
        """So many calls may come at once after a quiet time: a quarter of a second's, at least
        one. A whole second's would let twice the rate through in one second."""
        return max(1.0, self.qps / 4) if self.qps else 1.0


@dataclass(frozen=True, slots=True)
class Entry:
    """The answer to who wants in. Admitted (`reason` None), told to come again in `seconds`
    (`waits`), or refused for `seconds`."""

    reason: Reason | None = None
    seconds: float = 0.0
    waits: bool = False


@dataclass(frozen=True, slots=True)
class Look:
    """A gate as somebody sees it who looks; `opens_in` are the seconds until a probe may go."""

    in_flight: int = 0
    waiting: int = 0
    breaker: BreakerState = "closed"
    opens_in: float = 0.0
    calls: int = 0
    failed: int = 0
    reason: str = ""


class Store(Protocol):
    """Keeps gates by key. Every method is one short, blocking turn and raises `StoreDown`."""

    name: str

    def enter(self, key: str, rules: Rules, ticket: str, lease: float, patience: float) -> Entry:
        """Let a ticket in for `lease` seconds, or put it in line if it may come in `patience`."""
        ...

    def leave(self, key: str, ticket: str, outcome: str = "") -> bool:
        """Give a place (or a place in line) back, and tell how the call went; True when that
        opened the breaker, which was closed."""
        ...

    def renew(self, key: str, tickets: Mapping[str, bool], lease: float) -> Collection[str]:
        """Hold places for `lease` seconds more; returns those that are lost. One that the store
        does not know is taken up again where its value says so."""
        ...

    def look(self, key: str) -> Look:
        """What the gate is like now."""
        ...

    def reset(self, key: str) -> None:
        """Close the breaker and forget what was counted."""
        ...
