"""Deliveries go out: one row per visible message, sent by whoever holds its lease.

The row carries the idempotency key of every repeat. Within a conversation one delivery is under way
at a time, so that answers arrive in order and no lease runs out in a line.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.apps import apps
from django.db import models, transaction
from django.db.models import OuterRef, Q, QuerySet, Subquery

from apps.audit import log as audit
from apps.core import work
from apps.core.bulk import InsertModels
from apps.core.clock import utcnow
from apps.core.line import Line, Place
from apps.core.sql import Among, Prepared, Slot
from apps.im import marks
from apps.im.base import get_platform
from apps.im.models import Delivery
from apps.im.pacing import pacing
from apps.im.sender import sender

PATIENT_ATTEMPTS = 4  # so often the older one is waited for; after that it may be overtaken
ANSWER_LIFE = timedelta(hours=6)


def due(now: datetime | Slot) -> QuerySet[Delivery]:
    """Deliveries that may go out now and are still wanted."""
    return work.claimable(Delivery, now).filter(Q(expires_at__isnull=True) | Q(expires_at__gt=now))


def _free() -> QuerySet[Delivery]:
    """The same, of bots that were not told to slow down."""
    return due(Slot("now")).exclude(Among("bot_id", "limited"))


def _open_in(chat: str) -> QuerySet[Delivery]:
    """What is still to be sent in the conversation that an outer row names, oldest first."""
    return work.unfinished(Delivery).filter(conversation=OuterRef(chat)).order_by("pk")


def _in_line(chat: str) -> QuerySet[Delivery]:
    """What the first in line is found among. Who was only asked to wait keeps its place."""
    patient = Q(attempts__lt=PATIENT_ATTEMPTS) | Q(last_outcome=Delivery.SLOW)
    return _open_in(chat).filter(patient)


def _first_of(rows: QuerySet[Delivery]) -> QuerySet[models.Model, Any]:
    """(conversation, its first of these rows or none): one look into an index for each of them,
    however many stand there."""
    chats = apps.get_model("assistant", "Conversation")._default_manager
    among = chats.filter(Among("pk", "conversations"))
    return among.annotate(first=Subquery(rows.values("pk")[:1])).values_list("pk", "first")


#: The first delivery in line of each conversation, in some conversations, of some bots.
line = Line(_free, lambda: _in_line("conversation"))
line_of = Line(
    lambda: due(Slot("now")).filter(Among("bot_id", "bots")), lambda: _in_line("conversation")
)
firsts_in = Prepared(lambda: _first_of(_in_line("pk")))
take_in = work.Claim(lambda: _free().filter(Among("pk", "keys")))
oldest_in = Prepared(lambda: _first_of(_open_in("pk")))


#: A lease is given as its seconds, or none.
insert = InsertModels(
    Delivery,
    made={
        "lease_until": {
            "sqlite": ("", "STRFTIME('%%Y-%%m-%%d %%H:%%M:%%f', 'now', {} || ' seconds')"),
            "postgresql": ("float8", "STATEMENT_TIMESTAMP() + {} * INTERVAL '1 second'"),
        }
    },
)


def send_due(now: datetime | None = None) -> int:
    """Claim what is due, as much as there is room for, and send it; returns how many."""
    now = now or utcnow()
    room = sender.room()
    if room <= 0:
        return 0
    free = line.claim(room, now=now, limited=pacing.limited())
    return _submit(free) + _send_slowly(now)


def _send_slowly(now: datetime) -> int:
    """Send a few for bots that were told to slow down and may go on."""
    sent = 0
    for bot, count in pacing.open().items():
        claimed = line_of.claim(count, now=now, bots=[bot])
        pacing.claimed(bot, len(claimed))
        sent += _submit(claimed)
    return sent


def send_far(now: datetime, after: Place, window: int) -> Place:
    """The same among `window` candidates behind a place; returns where to look on."""
    heads = line.look(now=now, after=after, window=window, limited=pacing.limited())
    room = sender.room()
    if room > 0:
        _submit(line.take(heads, room, now=now))
    _send_slowly(now)
    return heads.rest


def send_in(conversations: Collection[int]) -> int:
    """The same for these conversations."""
    room = sender.room()
    if room <= 0 or not conversations:
        return 0
    now = utcnow()
    rows = firsts_in.rows(conversations=conversations)
    keys = [first for _, first in rows if first is not None]
    found = take_in.run(room, now=now, keys=keys, limited=pacing.limited()) if keys else []
    return _submit(found) + _send_slowly(now)


def _submit(claimed: list[Delivery]) -> int:
    sender.submit(claimed)
    return len(claimed)


def busy_conversations(ids: Iterable[int]) -> set[int]:
    """Those of these conversations in which an older delivery is still open."""
    rows = oldest_in.rows(conversations=set(ids))
    return {pk for pk, oldest in rows if oldest is not None}


answer_of = Prepared(
    lambda: (
        Delivery.objects.filter(message_id=Slot("message"), role="answer")
        .order_by()
        .values_list("pk")
    ),
    window=True,
)


def answered(message_id: int) -> bool:
    """Has this message its one answer?"""
    return bool(answer_of.rows(1, 0, message=message_id))


def create(rows: Sequence[Delivery], *, take: bool) -> list[Delivery]:
    """Insert rows in the caller's transaction; with `take`, those that can go out at once are
    leased to this process and returned, to be handed to `send` after the commit."""
    if not rows:
        return []
    busy = busy_conversations(r.conversation_id for r in rows if r.conversation_id)
    taken: list[Delivery] = []
    room = sender.room() if take else 0
    limited = set(pacing.limited()) if take else set()
    leases: list[int | None] = []
    for row in rows:
        row.expires_at = row.expires_at or row.not_before + ANSWER_LIFE
        free = take and len(taken) < room and row.conversation_id not in busy
        free = free and row.bot_id not in limited
        leases.append(work.LEASE_SECONDS if free else None)
        if free:
            row.state, row.attempts = "sending", 1
            taken.append(row)
        if row.conversation_id:
            busy.add(row.conversation_id)
    insert.run(rows, lease_until=leases)
    return taken


def send(taken: Sequence[Delivery]) -> None:
    """Send rows that `create` leased to this process."""
    sender.submit(taken)


def outlived(now: datetime | Slot) -> QuerySet[Delivery]:
    """What waited for too long to be wanted."""
    return work.unfinished(Delivery).filter(state__in=Delivery.READY, expires_at__lte=now)


any_outlived = Prepared(lambda: outlived(Slot("now")).values_list("pk"), window=True)


def sweep(now: datetime) -> int:
    """Take deliveries back from silent senders and let old ones expire; returns how many."""
    with transaction.atomic():
        back, dead = work.sweep(Delivery)
        expired = _expire(now)
        ends = [*((row, "failed") for row in dead), *((row, "expired") for row in expired)]
        audit.record_many([marks.ended(row, state) for row, state in ends])
    return back + len(ends)


def _expire(now: datetime) -> list[Delivery]:
    if not any_outlived.rows(1, 0, now=now):
        return []
    rows = list(outlived(now).select_for_update()[:500])
    Delivery.objects.filter(pk__in=[row.pk for row in rows]).update(
        state="expired", lease_until=None
    )
    return rows


#: All that `edit` may change.
EDITED = ("card", "text", "revision", "state", "attempts", "expires_at", "not_before")


def edit(delivery: Delivery, card: dict[str, object], text: str) -> None:
    """Put new content on a card; the newest revision is what is shown in the end.

    Where the platform cannot change what it shows, only the row changes: buttons that are gone
    from it no longer act.
    """
    edits = get_platform(delivery.bot.platform).abilities.edits
    with transaction.atomic():
        row = Delivery.objects.select_for_update().get(pk=delivery.pk)
        row.card, row.text, row.revision = card, text, row.revision + 1
        if edits and _shown_or_to_be(row):
            now = utcnow()
            row.state, row.attempts, row.expires_at = "pending", 0, now + ANSWER_LIFE
            row.not_before = max(now, row.sent_at + marks.EDIT_GAP) if row.sent_at else now
        row.save(update_fields=EDITED)


def _shown_or_to_be(row: Delivery) -> bool:
    """Has it been sent, so that the edit has to be? One that never went out stays away, but for
    progress, whose next state is worth another try."""
    if row.state == "failed":
        return row.role == "progress" or bool(row.platform_message_id)
    return row.state == "sent"


sender.when_marked = send_in
