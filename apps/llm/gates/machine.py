"""A gate as a value: what each turn does to it. The Redis store's script is the same in Lua.

The database keeps a gate as one document; a turn locks its row, and changes it with these.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from apps.llm.gates import breaker
from apps.llm.gates.shapes import BreakerState, Entry, Look, Rules

#: Whoever waits and does not come back so long after its time loses its place in line.
GRACE_S = 1.0
#: How soon to look again for a free place, and at the latest.
LOOK_S, LATEST_LOOK_S = 0.05, 1.0
_HAIR = 1e-6


@dataclass(slots=True)
class Gate:
    """`held` and `line` map tickets to the time until which they count, in order; `counts` maps
    slots of ten seconds to (calls, failed). `open_until` 0 is a closed breaker."""

    tokens: float | None = None
    at: float = 0.0
    held: dict[str, float] = field(default_factory=dict)
    line: dict[str, float] = field(default_factory=dict)
    counts: dict[str, list[int]] = field(default_factory=dict)
    open_until: float = 0.0
    times: int = 0
    reason: str = ""
    probe: str = ""

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Gate:
        """The gate of a stored document; an empty one is a new gate."""
        return cls(**{**document, "line": dict(document.get("line", ()))})

    def document(self) -> dict[str, Any]:
        """What is stored. PostgreSQL forgets the order of a mapping, so the line is a list."""
        return {**asdict(self), "line": list(self.line.items())}


def forget(gate: Gate, now: float) -> float:
    """Drop what has lapsed; returns the time to go by, which never runs back."""
    now = max(now, gate.at)
    gate.held = {ticket: until for ticket, until in gate.held.items() if until > now}
    gate.line = {ticket: until for ticket, until in gate.line.items() if until > now}
    return now


def enter(
    gate: Gate, rules: Rules, ticket: str, lease: float, patience: float, now: float
) -> Entry:
    """Let a ticket in, put it in line, or refuse it."""
    now = forget(gate, now)
    _refill(gate, rules, now)
    shut = _shut(gate, ticket, now)
    if shut is not None:
        gate.line.pop(ticket, None)
        return shut
    rank = list(gate.line).index(ticket) if ticket in gate.line else len(gate.line)
    entry = _wanting(gate, rules, rank)
    if entry is None:
        gate.line.pop(ticket, None)
        gate.held[ticket] = now + lease
        if rules.qps and gate.tokens is not None:
            gate.tokens -= 1
        if gate.open_until:
            gate.probe = ticket
        return Entry()
    if entry.reason == "qps" and entry.seconds > patience:
        gate.line.pop(ticket, None)
        return Entry(entry.reason, entry.seconds)
    gate.line[ticket] = now + entry.seconds + GRACE_S
    return entry


def leave(gate: Gate, ticket: str, outcome: str, now: float) -> bool:
    """Give a place back and count the outcome; True when that opened the closed breaker."""
    now, of = forget(gate, now), breaker.weight(outcome)
    gate.held.pop(ticket, None)
    gate.line.pop(ticket, None)
    probed = bool(ticket) and gate.probe == ticket
    if probed:
        gate.probe = ""
    if not of or (gate.open_until and not probed):
        return False
    failed = of in ("failed", "broken")
    if gate.open_until and not failed:
        reset(gate)
        return False
    if gate.open_until or of == "broken" or _too_many(gate, failed, now):
        gate.times += 1
        gate.open_until = now + breaker.pause(gate.times, of)
        gate.counts, gate.reason = {}, outcome
        return gate.times == 1
    return False


def renew(gate: Gate, tickets: Mapping[str, bool], lease: float, now: float) -> list[str]:
    """Hold places for longer; returns the lost ones."""
    now = forget(gate, now)
    kept = [ticket for ticket, adopt in tickets.items() if adopt or ticket in gate.held]
    gate.held |= dict.fromkeys(kept, now + lease)
    return [ticket for ticket in tickets if ticket not in gate.held]


def reset(gate: Gate) -> None:
    """Close the breaker and forget what was counted."""
    gate.counts, gate.open_until, gate.times, gate.reason, gate.probe = {}, 0.0, 0, "", ""


def look(gate: Gate, now: float) -> Look:
    """What it is like."""
    now = forget(gate, now)
    counts = _recent(gate, now).values()
    state: BreakerState = "closed"
    if gate.open_until:
        state = "open" if gate.open_until > now else "half_open"
    return Look(
        len(gate.held), len(gate.line), state, max(gate.open_until - now, 0.0),
        sum(calls for calls, _ in counts), sum(failed for _, failed in counts), gate.reason,
    )  # fmt: skip


def _refill(gate: Gate, rules: Rules, now: float) -> None:
    if gate.tokens is None or not rules.qps:
        gate.tokens = rules.burst
    else:
        gate.tokens = min(rules.burst, gate.tokens + (now - gate.at) * rules.qps)
    gate.at = now


def _shut(gate: Gate, ticket: str, now: float) -> Entry | None:
    if gate.open_until > now:
        return Entry("breaker", gate.open_until - now)
    if gate.open_until and gate.probe != ticket and gate.probe in gate.held:
        return Entry("breaker", breaker.PROBED_S)
    return None


def _wanting(gate: Gate, rules: Rules, rank: int) -> Entry | None:
    """What the one with so many before it has to wait for; None for nothing.

    As many may go as there are tokens and places: those who stand first.
    """
    rate_s = place_s = 0.0
    tokens = gate.tokens or 0.0
    if rules.qps and rank >= math.floor(tokens + _HAIR):
        rate_s = max((rank + 1 - tokens) / rules.qps, 0.001)
    free = (rules.in_flight or 0) - len(gate.held)
    if rules.in_flight and rank >= free:
        place_s = min(LOOK_S * (rank - free + 1), LATEST_LOOK_S)
    if not rate_s and not place_s:
        return None
    if rate_s >= place_s:
        return Entry("qps", rate_s, waits=True)
    return Entry("in_flight", place_s, waits=True)


def _recent(gate: Gate, now: float) -> dict[str, list[int]]:
    oldest = int(now // breaker.SLOT_S) - breaker.WINDOW_S // breaker.SLOT_S
    return {slot: counts for slot, counts in gate.counts.items() if int(slot) > oldest}


def _too_many(gate: Gate, failed: bool, now: float) -> bool:
    gate.counts = _recent(gate, now)
    slot = gate.counts.setdefault(str(int(now // breaker.SLOT_S)), [0, 0])
    slot[0] += 1
    slot[1] += failed
    calls = sum(calls for calls, _ in gate.counts.values())
    failures = sum(failures for _, failures in gate.counts.values())
    return calls >= breaker.LEAST_CALLS and failures >= calls * breaker.FAILED_SHARE
