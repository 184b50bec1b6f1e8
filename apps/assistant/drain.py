"""The drain of a lane: claims what waits, handles it, and lingers a second for what comes next."""

from __future__ import annotations

import time
from datetime import datetime

import structlog
from django.db.models import OuterRef, QuerySet

from apps.assistant import jobs, pipeline
from apps.assistant.models import Message
from apps.assistant.wake import Presence
from apps.core import work
from apps.core.clock import utcnow
from apps.core.line import Line
from apps.core.sql import Slot
from apps.im import delivery

log = structlog.get_logger(__name__)
BATCH = 100
LINGER_S = 1.0
LONGEST_S = 60.0  # then the worker gets a fresh task, so that no drain lives for ever


def due(lane: str | Slot, now: datetime | Slot) -> QuerySet[Message]:
    """What waits in this lane and may be claimed, fair by turn."""
    return work.claimable(Message, now).filter(lane=lane)


#: The first waiting message of each conversation: order, one at a time.
line = Line(
    lambda: due(Slot("lane"), Slot("now")),
    lambda: work.unfinished(Message).filter(conversation=OuterRef("conversation")).order_by("pk"),
    light=True,  # what handling does is one commit, and sending begins after it
)


def claim(lane: str, limit: int = BATCH) -> list[Message]:
    """Lease messages of this lane, at most one of each conversation."""
    return line.claim(limit, now=utcnow(), lane=lane)


def step(lane: str) -> int:
    """Handle one batch and send what is due; returns how much there was to do."""
    return handle(claim(lane)) + delivery.send_due()


def handle(claimed: list[Message]) -> int:
    """Handle claimed messages and hand out the jobs they made; returns how many."""
    if claimed and pipeline.handle(claimed):
        jobs.dispatch()
    return len(claimed)


def run(lane: str) -> None:
    """Drain until nothing came for a second. Between the flag and the end it looks once more."""
    presence = Presence(lane)
    ends = time.monotonic() + LONGEST_S
    presence.arrive()
    while time.monotonic() < ends:
        if step(lane):
            continue
        if presence.wait(LINGER_S):
            continue
        presence.leave()
        if not step(lane):
            return
        presence.arrive()
    presence.leave()
    from apps.assistant import wake

    wake.wake(lane)
