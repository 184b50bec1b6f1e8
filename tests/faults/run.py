"""One run of one case: messages, the fault among them, quiet, the judge."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field

from tests.console.stack import wait_for
from tests.faults import evidence, pace
from tests.faults.case import Case
from tests.faults.history import History
from tests.faults.judge import judge
from tests.faults.load import PROBES, Asked, ask, storm
from tests.faults.site import Site
from tests.stack.sender import Event, Sender

FAULT_AT_S = 4.0
QUIET_S = 120.0
Condition = Callable[[], object]


@dataclass
class Outcome:
    """One row of the table."""

    case: str
    setup: str
    accepted: int = 0
    lost: int = 0
    twice: int = 0
    recovery_s: float = 0.0
    verdict: str = "passed"  # passed, failed, or why it was not run
    breaches: list[str] = field(default_factory=list)
    figures: dict[str, float] = field(default_factory=dict)

    def row(self) -> dict[str, object]:
        """For JSON."""
        return asdict(self)


class Run:
    """What a fault gets to work with."""

    def __init__(self, site: Site, case: Case, tag: str) -> None:
        self.site, self.case, self.tag = site, case, tag
        self.asked: list[Asked] = storm(case.count, tag, site.desk.signer)
        self.sender: Sender[Event] = Sender(
            site.web.port, [one.event for one in self.asked], case.rate, case.hands
        )
        self.breaches: list[str] = []
        self.closed: list[tuple[float, float]] = []
        self.figures: dict[str, float] = {}
        self.since = site.ask("last_audit")
        self.began = self.over = 0.0
        self.fault_at = 0.0
        self._count = 0
        self._finishes: list[Callable[[], object]] = []
        for recording in evidence.recordings(site):
            recording.clear()

    # ---- for the faults ----

    def check(self, fine: object, what: str) -> None:
        """A figure that this case has to meet."""
        if not fine:
            self.breaches.append(what)

    def wait(self, seconds: float) -> None:
        """Let time go by."""
        ends = time.monotonic() + seconds
        wait_for(lambda: time.monotonic() >= ends, seconds + 5, "time")

    def until(self, condition: Condition, seconds: float, what: str) -> float:
        """Wait for something that has to happen; returns how long it took."""
        began = time.monotonic()
        wait_for(condition, seconds, what)
        return time.monotonic() - began

    @contextmanager
    def store_away(self) -> Iterator[None]:
        """The database is surely away between `with` and its end."""
        began = time.monotonic()
        yield
        self.closed.append((began, time.monotonic()))

    def finish(self, act: Callable[[], object]) -> None:
        """Do this once everything is answered."""
        self._finishes.append(act)

    def terminate(self, pid: int) -> None:
        """SIGTERM to a process of the installation."""
        os.kill(pid, signal.SIGTERM)

    def say(self, person: str, text: str, *, on_desk: bool = False) -> Asked:
        """One message more, delivered until it is accepted; the judge counts it too."""
        asked = self.later(person, text, on_desk=on_desk)
        self.deliver(asked)
        return asked

    def later(self, person: str, text: str, *, on_desk: bool = False) -> Asked:
        """One message more, which is still to be delivered."""
        self._count += 1
        signer = self.site.desk.signer if on_desk else None
        asked = ask(person, text, f"{self.tag}-x{self._count}", signer=signer)
        self.asked.append(asked)
        return asked

    def deliver(self, asked: Asked, seconds: float = 30) -> None:
        """Deliver an event until it is accepted."""

        def accepted() -> bool:
            attempt = self.sender.send(asked.event)
            asked.event.attempts.append(attempt)
            asked.event.accepted_at = attempt.ended
            return attempt.outcome == "ok"

        wait_for(accepted, seconds, "an acceptance")

    def answered(self, asked: Asked) -> bool:
        """Is there a visible answer?"""
        return asked.event.id in evidence.shown_at(self.site)

    def text_of(self, asked: Asked) -> str:
        """The words of its answer."""
        found = [one.text for one in evidence.seen(self.site) if one.to == asked.event.id]
        return found[-1] if found else ""

    # ---- the whole ----

    def do(self) -> Outcome:
        """Run it to its end; whatever is wrong is in the outcome."""
        outcome = Outcome(self.case.name, self.site.setup, figures=self.figures)
        try:
            self._send()
            self._settle()
        except AssertionError as error:
            self.breaches.append(f"run: {error}")
        history = self._history()
        outcome.breaches = self.breaches + judge(history)
        outcome.accepted = len(history.accepted)
        outcome.lost, outcome.twice = len(history.lost()), len(history.twice())
        outcome.recovery_s = round(self.recovery(), 1)
        if outcome.breaches:
            outcome.verdict = "failed"
        return outcome

    def _send(self) -> None:
        self.began = time.monotonic()
        with self.sender:
            self.wait(FAULT_AT_S)
            self.fault_at = time.monotonic()
            self.case.fault(self)
            self.over = time.monotonic()
            wait_for(self.sender.done, QUIET_S, "an acceptance of every message")

    def _settle(self) -> None:
        """Wait until everything is answered and at its end."""
        ends = time.monotonic() + QUIET_S
        mine = [one.event for one in self.asked if one.event.accepted_at or one.event.attempts]

        def answered() -> bool:
            shown = evidence.shown_at(self.site)
            return all(event.id in shown for event in mine)

        self._pace = pace.watch(self)
        wait_for(answered, QUIET_S, "an answer to every message")
        self.site.front.settled(max(1.0, ends - time.monotonic()))
        for act in self._finishes:
            act()

    def recovery(self) -> float:
        """Seconds from the end of the fault to the last answer of what was sent until then."""
        shown = evidence.shown_at(self.site)
        until = max(self.over, self.fault_at)
        waited = [
            shown[one.event.id]
            for one in self.asked
            if one.event.id in shown and one.event.attempts
            if one.event.attempts[0].began <= until
        ]
        return max(0.0, max(waited, default=until) - until)

    def _history(self) -> History:
        found = evidence.gather(self.site, [one.sent() for one in self.asked], self.since)
        found.closed = self.closed
        found.pace = getattr(self, "_pace", found.pace)
        self.figures["p95_before_s"] = round(found.pace.before_s, 3)
        self.figures["p95_after_s"] = round(found.pace.after_s, 3)
        return found

    def probe(self, number: int, window: int) -> Asked:
        """A message that measures how quick answers are now."""
        person = PROBES[number % len(PROBES)]
        return ask(person, "/ping", f"{self.tag}-p{window}-{number}")


def told(outcome: Outcome) -> str:
    """One line for the console."""
    return json.dumps(outcome.row(), ensure_ascii=False)
