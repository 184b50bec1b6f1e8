"""What happened in one run of a case: what was sent, what was seen, what the database says.

Plain data, so that the judge can be fed with histories that never happened.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.stack.sender import Attempt

Row = dict[str, Any]


@dataclass
class Sent:
    """One event on its way to us: its message id, the chat it belongs to, every delivery of it."""

    id: str
    chat: str
    text: str
    attempts: list[Attempt] = field(default_factory=list)

    @property
    def outcome(self) -> str:
        """`ok` when a delivery was accepted; else `unknown` when one broke; else `failed`."""
        outcomes = {attempt.outcome for attempt in self.attempts}
        return next((one for one in ("ok", "unknown") if one in outcomes), "failed")

    @property
    def accepted_at(self) -> float:
        """When the first acceptance arrived."""
        return min(a.ended for a in self.attempts if a.outcome == "ok")


@dataclass(frozen=True)
class Seen:
    """One message as people see it. `role` is empty where the platform does not tell it."""

    to: str
    key: str
    text: str
    at: float
    role: str = ""


@dataclass(frozen=True)
class Call:
    """One attempt to show something, as the platform recorded it."""

    key: str
    text: str
    at: float


@dataclass
class Pace:
    """Seconds from acceptance to answer (95th of 100), before the fault and after."""

    before_s: float = 0.0
    after_s: float = 0.0
    back_after_s: float = 0.0  # until the figure was good again


@dataclass
class History:
    """Everything that the judge looks at."""

    sent: list[Sent] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    messages: list[Row] = field(default_factory=list)
    jobs: list[Row] = field(default_factory=list)
    deliveries: list[Row] = field(default_factory=list)
    audit: list[Row] = field(default_factory=list)  # since the case began
    rights: list[Row] = field(default_factory=list)  # every change of rights since first start
    stuck: list[str] = field(default_factory=list)  # rows that are older than their lease
    effects: list[str] = field(default_factory=list)  # lines of the ledger
    verified: str = ""  # what `audit verify` complains about
    closed: list[tuple[float, float]] = field(default_factory=list)  # the store was surely away
    canaries: dict[str, str] = field(default_factory=dict)  # name -> what must not be found
    places: dict[str, str] = field(default_factory=dict)  # name -> what is searched
    pace: Pace = field(default_factory=Pace)

    @property
    def accepted(self) -> list[Sent]:
        """Events that we said yes to."""
        return [one for one in self.sent if one.outcome == "ok"]

    def answers(self) -> dict[str, list[Seen]]:
        """Visible answers by the message that they answer."""
        roles = {row["key"]: row["role"] for row in self.deliveries}
        found: dict[str, list[Seen]] = {one.id: [] for one in self.sent}
        for one in self.seen:
            if (one.role or roles.get(one.key, "answer")) == "answer":
                found.setdefault(one.to, []).append(one)
        return found

    def lost(self) -> list[str]:
        """Accepted events that nobody answered."""
        answers = self.answers()
        return [one.id for one in self.accepted if not answers[one.id]]

    def twice(self) -> list[str]:
        """Whatever was answered or done more than once."""
        said = [key for key, found in self.answers().items() if len(found) > 1]
        done = {line for line in self.effects if self.effects.count(line) > 1}
        return said + sorted(done)
