"""Gates in Redis: one turn is one round trip, by Redis's clock."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import redis

from apps.core import redis as core_redis
from apps.llm.gates import breaker, machine
from apps.llm.gates.shapes import Entry, Look, Rules, StoreDown

_SCRIPT = Path(__file__).with_name("script.lua").read_text()
_PARTS = ("", ":held", ":line", ":due")
#: A gate that nobody came to for a day is forgotten; its bucket is full and its breaker closed.
_FIXED = {
    "keep_s": 86_400,
    "grace": machine.GRACE_S,
    "look_s": machine.LOOK_S,
    "latest_look_s": machine.LATEST_LOOK_S,
    "slot_s": breaker.SLOT_S,
    "window_s": breaker.WINDOW_S,
    "least_calls": breaker.LEAST_CALLS,
    "failed_share": breaker.FAILED_SHARE,
    "longest_pause_s": breaker.LONGEST_PAUSE_S,
    "probed_s": breaker.PROBED_S,
}


class RedisStore:
    """See `shapes.Store`."""

    name = "redis"

    def __init__(self) -> None:
        self._script: Any = None

    def enter(self, key: str, rules: Rules, ticket: str, lease: float, patience: float) -> Entry:
        """Let a ticket in, put it in line, or refuse it."""
        reason, seconds, waits = self._turn(
            key, "enter", ticket=ticket, lease=lease, patience=patience,
            qps=rules.qps or 0, places=rules.in_flight or 0, burst=rules.burst,
        )  # fmt: skip
        return Entry(reason.decode() or None, float(seconds), bool(waits))

    def leave(self, key: str, ticket: str, outcome: str = "") -> bool:
        """Give a place back and count the outcome."""
        of = breaker.weight(outcome)
        pause_s = breaker.pause(1, of)
        found = self._turn(key, "leave", ticket=ticket, outcome=outcome, weight=of, pause_s=pause_s)
        return bool(found)

    def renew(self, key: str, tickets: Mapping[str, bool], lease: float) -> list[str]:
        """Hold places for longer."""
        lost = self._turn(key, "renew", tickets=dict(tickets), lease=lease)
        return [ticket.decode() for ticket in lost]

    def look(self, key: str) -> Look:
        """What the gate is like now."""
        held, line, state, opens_in, calls, failed, reason = self._turn(key, "look")
        return Look(held, line, state.decode(), float(opens_in), calls, failed, reason.decode())

    def reset(self, key: str) -> None:
        """Close the breaker."""
        self._turn(key, "reset")

    def _turn(self, key: str, turn: str, **given: Any) -> Any:
        keys = [f"clawdbot:gate:{{{key}}}{part}" for part in _PARTS]
        client = core_redis.client()
        if self._script is None:
            self._script = client.register_script(_SCRIPT)
        try:
            return self._script(keys, [turn, json.dumps(_FIXED | given)], client=client)
        except (redis.RedisError, OSError) as error:
            raise StoreDown(str(error)) from error
