"""The inbox: what an entrance verified becomes Message rows, in one transaction for many.

Both dedupe keys are unique columns, so a repeat of the same event, or of the same message under
another event id, changes nothing.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Max, Q

from apps.accounts.models import Person
from apps.assistant import wake
from apps.assistant.lanes import lane_for
from apps.assistant.models import Conversation, Message
from apps.audit import log
from apps.core import metrics
from apps.core.clock import utcnow
from apps.core.logging import bind_trace, get_logger, new_trace_id
from apps.im.models import Bot

KEY_CHARS = 200
logger = get_logger(__name__)


@dataclass(frozen=True)
class Incoming:
    """One verified message on its way into the inbox."""

    bot_id: int
    platform: str
    event_id: str
    chat_id: str
    sender_id: str
    text: str
    second_key: str | None = None
    chat_type: str = "private"
    sender_name: str = ""
    kind: str = "text"
    platform_message_id: str = ""
    mentions_bot: bool = False
    origin: str = "im"
    person_id: int | None = None
    payload: dict[str, Any] = field(default_factory=dict)
    trace_id: str = field(default_factory=new_trace_id)


@dataclass(frozen=True)
class Stored:
    """What became of an Incoming: its row, or nothing new because it was there already."""

    message_id: int | None
    duplicate: bool


def short(key: str) -> str:
    """A key that fits its column; an overlong one is replaced by its digest."""
    if len(key) <= KEY_CHARS:
        return key
    return "sha256:" + hashlib.sha256(key.encode()).hexdigest()


def store(batch: Sequence[Incoming]) -> list[Stored]:
    """Write the batch in one transaction: rows, order, fairness, audit. No wake-up is sent."""
    with transaction.atomic():
        chats = _conversations(batch)
        turns = _turns(batch)
        rows = [_row(item, chats[(item.bot_id, short(item.chat_id))], turns) for item in batch]
        Message.objects.bulk_create(rows, ignore_conflicts=True)
        traces = [item.trace_id for item in batch]
        kept = dict(Message.objects.filter(trace_id__in=traces).values_list("trace_id", "pk"))
        fresh = [item for item in batch if item.trace_id in kept]
        log.record_many([_entry(item, kept[item.trace_id]) for item in fresh])
    for item in batch:
        _tell(item, kept.get(item.trace_id))
    return [Stored(kept.get(item.trace_id), item.trace_id not in kept) for item in batch]


def _tell(item: Incoming, message_id: int | None) -> None:
    outcome = "duplicate" if message_id is None else "accepted"
    metrics.count("clawdbot_messages_total", platform=item.platform, outcome=outcome)
    with bind_trace(item.trace_id):
        logger.info(f"message.{outcome}", message=message_id, length=len(item.text))


def _row(item: Incoming, conversation_id: int, turns: dict[tuple[int, str], int]) -> Message:
    sender = (item.bot_id, short(item.sender_id))
    turn = turns[sender] = turns.get(sender, -1) + 1
    return Message(
        bot_id=item.bot_id,
        conversation_id=conversation_id,
        origin=item.origin,
        event_id=short(item.event_id),
        second_key=short(item.second_key) if item.second_key else None,
        platform_message_id=item.platform_message_id[:KEY_CHARS],
        sender_id=short(item.sender_id),
        sender_name=item.sender_name[:KEY_CHARS],
        person_id=item.person_id,
        kind=item.kind,
        chat_type=item.chat_type,
        mentions_bot=item.mentions_bot,
        text=item.text,
        payload=item.payload,
        trace_id=item.trace_id,
        lane=lane_for(item.text),
        turn=turn,
    )


def _conversations(batch: Sequence[Incoming]) -> dict[tuple[int, str], int]:
    wanted = {(i.bot_id, short(i.chat_id)): i.chat_type for i in batch}
    found = _find_conversations(set(wanted))
    fresh = [
        Conversation(bot_id=bot, chat_id=chat, chat_type=kind)
        for (bot, chat), kind in wanted.items()
        if (bot, chat) not in found
    ]
    if fresh:
        Conversation.objects.bulk_create(fresh, ignore_conflicts=True)
        found = _find_conversations(set(wanted))
    return found


def _find_conversations(keys: set[tuple[int, str]]) -> dict[tuple[int, str], int]:
    rows = Conversation.objects.filter(
        bot_id__in={bot for bot, _ in keys}, chat_id__in={chat for _, chat in keys}
    ).values_list("bot_id", "chat_id", "pk")
    return {(bot, chat): pk for bot, chat, pk in rows if (bot, chat) in keys}


def _turns(batch: Sequence[Incoming]) -> dict[tuple[int, str], int]:
    """The highest turn that each sender has waiting: fairness without counting the backlog."""
    senders = {(i.bot_id, short(i.sender_id)) for i in batch}
    where = Q(bot_id__in={b for b, _ in senders}, sender_id__in={s for _, s in senders})
    rows = (
        Message.objects.filter(where, state="waiting")
        .values_list("bot_id", "sender_id")
        .annotate(top=Max("turn"))
    )
    return {(bot, sender): top for bot, sender, top in rows}


def _entry(item: Incoming, message_id: int) -> log.Entry:
    sender = f"{item.platform}:{short(item.sender_id)}"
    actor = log.Actor("im", sender, item.sender_name[:KEY_CHARS])
    return log.Entry(
        action="message.accepted",
        actor=actor,
        obj=("message", str(message_id), ""),
        trace_id=item.trace_id,
        data={"kind": item.kind, "origin": item.origin, "length": len(item.text)},
    )


def ask(
    person: Person,
    text: str,
    *,
    bot_slug: str = "web",
    chat_id: str = "",
    origin: str = "web",
    kind: str = "text",
    client_id: str = "",
) -> Message:
    """Store what a signed-in person asks and wake the drain; the same client_id is one message."""
    bot = Bot.objects.get(slug=bot_slug)
    event_id = f"{origin}:{person.pk}:{client_id or uuid.uuid4().hex}"
    item = Incoming(
        bot_id=bot.pk,
        platform=bot.platform,
        event_id=event_id,
        chat_id=chat_id or f"person:{person.pk}",
        sender_id=person.name,
        sender_name=str(person),
        text=text,
        kind=kind,
        mentions_bot=True,
        origin=origin,
        person_id=person.pk,
    )
    stored = store([item])[0]
    wake.wake(lane_for(text))
    if stored.message_id is None:
        return Message.objects.get(bot=bot, event_id=short(event_id))
    return Message.objects.get(pk=stored.message_id)


def store_fired(
    *, conversation: Conversation, person_id: int, text: str, event_id: str, due: datetime
) -> int | None:
    """Store what a schedule asks for its owner; None when this due time was stored before."""
    item = Incoming(
        bot_id=conversation.bot_id,
        platform=conversation.bot.platform,
        event_id=event_id,
        chat_id=conversation.chat_id,
        chat_type=conversation.chat_type,
        sender_id=f"schedule:{person_id}",
        text=text,
        mentions_bot=True,
        origin="schedule",
        person_id=person_id,
        payload={"due": due.isoformat(), "fired": utcnow().isoformat()},
    )
    return store([item])[0].message_id
