"""One due time becomes one message: the row that says so is unique, whoever comes first.

Whoever fires wakes the assistant afterwards, once for all that was fired.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import structlog
from django.db import transaction

from apps.assistant import inbox, wake
from apps.assistant.lanes import lane_for
from apps.schedules.models import Firing, Schedule

log = structlog.get_logger(__name__)


def fire(schedule: Schedule, due: datetime, state: str = "fired") -> Firing:
    """Store the message of this due time, unless it was done before.

    In the caller's transaction or one of its own. An owner who left the company asks nothing any
    more: the due time is recorded as missed.
    """
    if not schedule.owner.is_active:
        return miss(schedule, due)
    with transaction.atomic():
        found, fresh = Firing.objects.get_or_create(
            schedule=schedule, due=due, defaults={"state": state}
        )
        if not fresh:
            return found
        found.message_id = inbox.store_fired(
            conversation=schedule.conversation,
            person_id=schedule.owner_id,
            text=schedule.command,
            event_id=f"schedule:{schedule.pk}:{due.isoformat()}",
            due=due,
        )
        found.save(update_fields=["message"])
    log.info("schedule.fired", schedule=schedule.number, due=due.isoformat(), state=state)
    return found


def wake_for(schedules: Iterable[Schedule]) -> None:
    """Wake the lanes in which their messages wait. Never raises; slow when the broker is away."""
    for lane in {lane_for(schedule.command) for schedule in schedules}:
        wake.wake(lane)


def miss(schedule: Schedule, due: datetime) -> Firing:
    """Write down that nothing ran at this due time."""
    found, fresh = Firing.objects.get_or_create(
        schedule=schedule, due=due, defaults={"state": "missed"}
    )
    if fresh:
        log.warning("schedule.missed", schedule=schedule.number, due=due.isoformat())
    return found
