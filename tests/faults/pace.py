"""How quick answers are: before the fault, and how soon after it again."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tests.faults import evidence
from tests.faults.history import Pace
from tests.faults.judge import BACK_S, allowed_s
from tests.stack.sender import Event, Sender

if TYPE_CHECKING:
    from tests.faults.run import Run

WINDOW = 20
RATE = 20.0


def percentile(values: list[float], share: float) -> float:
    """The value below which `share` of them lie; 0 of none."""
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, int(share * len(ranked)))] if ranked else 0.0


def waited(run: Run, events: list[Event]) -> list[float]:
    """Seconds from the first delivery of each to its answer."""
    shown = evidence.shown_at(run.site)
    return [shown[e.id] - e.attempts[0].began for e in events if e.id in shown and e.attempts]


def before(run: Run) -> float:
    """The 95th of 100 of the quick messages that were answered before the fault."""
    shown = evidence.shown_at(run.site)
    quick = [
        one.event
        for one in run.asked
        if one.text == "/ping" and shown.get(one.event.id, run.fault_at) < run.fault_at
    ]
    return percentile(waited(run, quick), 0.95)


def watch(run: Run) -> Pace:
    """Send windows of messages from people of their own until one is as quick as before."""
    found = Pace(before_s=before(run))
    began, window = time.monotonic(), 0
    while True:
        window += 1
        found.after_s = _window(run, window, BACK_S)
        found.back_after_s = time.monotonic() - began
        if found.after_s <= allowed_s(found.before_s) or found.back_after_s > BACK_S:
            return found


def _window(run: Run, window: int, patience_s: float) -> float:
    asked = [run.probe(number, window) for number in range(WINDOW)]
    run.asked += asked
    events = [one.event for one in asked]
    with Sender(run.site.web.port, events, RATE) as sender:
        run.until(sender.done, patience_s, "an acceptance of every probe")
        ids = {event.id for event in events}
        run.site.own.wait(lambda: ids <= run.site.own.shown_at.keys(), patience_s)
    shown = evidence.shown_at(run.site)
    late = [patience_s for event in events if event.id not in shown]
    return percentile(waited(run, events) + late, 0.95)
