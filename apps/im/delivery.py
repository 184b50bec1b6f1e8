"""Deliveries go out: one row per visible message, sent by whoever holds its lease.

The row carries the idempotency key of every repeat. Within a conversation one delivery is under way
at a time, so that answers arrive in order and no lease runs out in a line.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from apps.audit import log as audit
from apps.core import work
from apps.core.clock import utcnow
from apps.core.leases import DbAfter
from apps.im import marks
from apps.im.models import Delivery
from apps.im.sender import sender

PATIENT_ATTEMPTS = 4  # so often the older one is waited for; after that it may be overtaken
ANSWER_LIFE = timedelta(hours=6)


def due(now: datetime) -> QuerySet[Delivery]:
    """Deliveries that may go out now: not expired, and first in line in their conversation."""
    # Asked as "the first of them", which is one look into an index for each row: as "no older one"
    # PostgreSQL may compare every row of a crowded conversation with every other.
    line = work.unfinished(Delivery).filter(
        conversation=OuterRef("conversation"), attempts__lt=PATIENT_ATTEMPTS
    )
    first = Subquery(line.order_by("pk").values("pk")[:1])
    return work.claimable(Delivery, now).filter(
        Q(expires_at__isnull=True) | Q(expires_at__gt=now), pk__lte=Coalesce(first, F("pk"))
    )


def send_due(now: datetime | None = None) -> int:
    """Claim what is due, as much as there is room for, and send it; returns how many."""
    room = sender.room()
    if room <= 0:
        return 0
    claimed = work.claim(due(now or utcnow()), room)
    sender.submit(claimed)
    return len(claimed)


def busy_conversations(ids: Iterable[int]) -> set[int]:
    """Those of these conversations in which an older delivery is still open."""
    rows = work.unfinished(Delivery).filter(conversation_id__in=set(ids))
    return {pk for pk in rows.values_list("conversation_id", flat=True) if pk is not None}


def answered(message_id: int) -> bool:
    """Has this message its one answer?"""
    return Delivery.objects.filter(message_id=message_id, role="answer").exists()


def create(rows: Sequence[Delivery], *, take: bool) -> list[Delivery]:
    """Insert rows in the caller's transaction; with `take`, those that can go out at once are
    leased to this process and returned, to be handed to `send` after the commit."""
    busy = busy_conversations(r.conversation_id for r in rows if r.conversation_id)
    taken: list[Delivery] = []
    room = sender.room() if take else 0
    for row in rows:
        row.expires_at = row.expires_at or row.not_before + ANSWER_LIFE
        if take and len(taken) < room and row.conversation_id not in busy:
            row.state, row.attempts = "sending", 1
            row.lease_until = DbAfter(work.LEASE_SECONDS)
            taken.append(row)
        if row.conversation_id:
            busy.add(row.conversation_id)
    Delivery.objects.bulk_create(rows)
    return taken


def send(taken: Sequence[Delivery]) -> None:
    """Send rows that `create` leased to this process."""
    sender.submit(taken)


def sweep(now: datetime) -> int:
    """Take deliveries back from silent senders and let old ones expire; returns how many."""
    with transaction.atomic():
        back, dead = work.sweep(Delivery)
        waiting = work.unfinished(Delivery).filter(state__in=Delivery.READY)
        old = waiting.select_for_update().filter(expires_at__lte=now)
        expired = list(old[:500])
        Delivery.objects.filter(pk__in=[row.pk for row in expired]).update(
            state="expired", lease_until=None
        )
        ends = [*((row, "failed") for row in dead), *((row, "expired") for row in expired)]
        audit.record_many([marks.ended(row, state) for row, state in ends])
    return back + len(ends)


def edit(delivery: Delivery, card: dict[str, object], text: str) -> None:
    """Put new content on a progress card; the newest revision is what is shown in the end."""
    with transaction.atomic():
        Delivery.objects.filter(pk=delivery.pk).update(
            card=card, text=text, revision=F("revision") + 1
        )
        Delivery.objects.filter(pk=delivery.pk, state__in=("sent", "failed")).update(
            state="pending", attempts=0, not_before=utcnow()
        )


def _send_more(conversations: set[int]) -> None:
    """Send what waited in these conversations for its turn."""
    if busy_conversations(conversations):
        send_due()


sender.when_marked = _send_more
