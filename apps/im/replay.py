"""Sends a delivery once more, under the key that it always had."""

from __future__ import annotations

from django.db import transaction

from apps.audit import log as audit
from apps.audit.log import Actor
from apps.core.clock import utcnow
from apps.core.errors import ClawdbotError
from apps.im.delivery import ANSWER_LIFE
from apps.im.models import Delivery

REPLAYABLE = ("failed", "expired", "unknown", "sent")


class NotReplayable(ClawdbotError):
    """Delivery {number} is {state}: it is on its way already."""

    code = "not_replayable"
    zh = "投递 {number} 处于 {state}：它已经在路上。"
    http_status = 409
    permanent = True


def replay(delivery: Delivery, actor: Actor) -> Delivery:
    """Put a delivery back in line with the same key and a new life; it goes out at the next sweep.

    One that was shown, or may have been, says that it may be a repeat where the platform has
    forgotten the key. Raises `NotReplayable`.
    """
    now = utcnow()
    with transaction.atomic():
        row = Delivery.objects.select_for_update().get(pk=delivery.pk)
        if row.state not in REPLAYABLE:
            raise NotReplayable(number=row.pk, state=row.state)
        before = row.state
        seen = before in {"sent", "unknown"} or row.last_outcome == "unknown"
        row.state, row.attempts, row.lease_until = "pending", 0, None
        row.not_before, row.expires_at = now, now + ANSWER_LIFE
        row.last_outcome = "unknown" if seen else ""
        row.save()
        audit.record(
            "delivery.replayed",
            actor=actor,
            obj=("delivery", row.pk, str(row.bot)),
            outcome="done",
            trace_id=row.trace_id,
            data={"state": before, "error": row.last_error[:200]},
        )
    return row
