"""The drain of a lane: claims what waits, handles it, and lingers a second for what comes next."""

from __future__ import annotations

import time
from datetime import datetime

import structlog
from django.db.models import OuterRef, QuerySet, Subquery

from apps.assistant import jobs, pipeline
from apps.assistant.models import Message
from apps.assistant.wake import Presence
from apps.core import work
from apps.core.clock import utcnow
from apps.im import delivery

log = structlog.get_logger(__name__)
BATCH = 100
LINGER_S = 1.0
LONGEST_S = 60.0  # then the worker gets a fresh task, so that no drain lives for ever


def due(lane: str, now: datetime) -> QuerySet[Message]:
    """The first waiting message of each conversation in this lane: order, one at a time."""
    line = work.unfinished(Message).filter(conversation=OuterRef("conversation"))
    first = Subquery(line.order_by("pk").values("pk")[:1])
    return work.claimable(Message, now).filter(lane=lane, pk__lte=first)


def step(lane: str) -> int:
    """Handle one batch and send what is due; returns how much there was to do."""
    claimed = work.claim(due(lane, utcnow()), BATCH)
    if claimed:
        messages = Message.objects.select_related("conversation").in_bulk([m.pk for m in claimed])
        rows = [messages[m.pk] for m in claimed if m.pk in messages]
        if pipeline.handle(rows):
            jobs.dispatch()
    return len(claimed) + delivery.send_due()


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
