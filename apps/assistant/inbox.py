"""The inbox: what an entrance verified becomes Message rows, in one transaction for many.

Both dedupe keys are unique columns, so a repeat of the same event, or of the same message under
another event id, changes nothing.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from apps.accounts.models import Person
from apps.assistant import wake
from apps.assistant.conversations import NOWHERE
from apps.assistant.lanes import CLICKS, lane_for
from apps.assistant.models import Conversation, Message
from apps.audit import log
from apps.core import bulk, metrics
from apps.core.clock import utcnow
from apps.core.logging import get_logger, new_trace_id
from apps.core.sql import Among, Prepared, Statement
from apps.im.base import Inbound
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


def incoming(bot_id: int, message: Inbound) -> Incoming:
    """A platform's message as the inbox takes it."""
    # A click does not say where it happened; a conversation that is known keeps its own type.
    # Of a message "" says that the platform has to be asked.
    unknown = "group" if message.kind in CLICKS else ""
    return Incoming(
        bot_id=bot_id,
        platform=message.platform,
        event_id=message.dedupe_key,
        second_key=message.second_key,
        chat_id=message.chat_id or _no_chat(message),
        chat_type=message.chat_type or (unknown if message.chat_id else "private"),
        sender_id=message.sender_id,
        sender_name=message.sender_name,
        kind=message.kind,
        text=message.text,
        platform_message_id=message.message_id or "",
        mentions_bot=bool(message.mentions_bot),
        payload={"attachments": message.attachments, "extra": message.extra},
    )


def _no_chat(message: Inbound) -> str:
    """What happens in no chat is answered privately, to whoever did it; a click, where its card is
    once that is known."""
    return f"{NOWHERE}{message.sender_id}" if message.kind in CLICKS else message.sender_id


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


COLUMNS = (
    "bot_id", "conversation_id", "origin", "event_id", "second_key", "platform_message_id",
    "sender_id", "sender_name", "person_id", "kind", "chat_type", "mentions_bot", "text",
    "payload", "trace_id", "lane", "turn", "created_at", "not_before",
    "state", "attempts", "max_attempts", "last_error", "reason",
)  # fmt: skip
FRESH = ("waiting", 0, 3, "", "")
insert = bulk.Insert(Message, COLUMNS, skip=True, returning=("trace_id", "id"))
conversations_of = Prepared(
    lambda: Conversation.objects.filter(
        Among("bot_id", "bots"), Among("chat_id", "chats")
    ).values_list("bot_id", "chat_id", "pk")
)
#: The highest turn that a sender has waiting, by one look into an index for each of them.
TOP_TURN = (
    "(SELECT MAX(m.turn) FROM assistant_message m "
    "WHERE m.state = 'waiting' AND m.bot_id = s.bot AND m.sender_id = s.sender)"
)
TOP_TURNS = {
    "sqlite": Statement(
        f"SELECT s.bot, s.sender, {TOP_TURN} FROM "  # noqa: S608
        "(SELECT JSON_EXTRACT(value, '$[0]') AS bot, JSON_EXTRACT(value, '$[1]') AS sender "
        "FROM JSON_EACH(%s)) AS s"
    ),
    "postgresql": Statement(
        f"SELECT s.bot, s.sender, {TOP_TURN} "  # noqa: S608 - constants
        "FROM UNNEST(%s::bigint[], %s::text[]) AS s(bot, sender)"
    ),
}


def store(batch: Sequence[Incoming]) -> list[Stored]:
    """Write the batch in one transaction: rows, order, fairness, audit. No wake-up is sent."""
    now = utcnow()
    with transaction.atomic():
        chats = _conversations(batch)
        turns = _turns(batch)
        rows = [_row(item, chats[(item.bot_id, short(item.chat_id))], turns, now) for item in batch]
        kept: dict[str, int] = dict(insert.run(rows))
        fresh = [item for item in batch if item.trace_id in kept]
        log.record_many([_entry(item, kept[item.trace_id]) for item in fresh])
    _tell(batch, kept)
    return [Stored(kept.get(item.trace_id), item.trace_id not in kept) for item in batch]


def _tell(batch: Sequence[Incoming], kept: dict[str, int]) -> None:
    """One line for the batch; each message's own lines follow under its trace id."""
    platforms: Counter[str] = Counter(item.platform for item in batch)
    fresh: Counter[str] = Counter(item.platform for item in batch if item.trace_id in kept)
    for platform, every in platforms.items():
        for outcome, times in (
            ("accepted", fresh[platform]),
            ("duplicate", every - fresh[platform]),
        ):
            if times:
                metrics.count("clawdbot_messages_total", times, platform=platform, outcome=outcome)
    duplicates = len(batch) - len(kept)
    logger.info("messages.stored", accepted=list(kept.values()), duplicates=duplicates)


def _row(
    item: Incoming, conversation_id: int, turns: dict[tuple[int, str], int], now: datetime
) -> tuple[Any, ...]:
    """The values of `COLUMNS`."""
    sender = (item.bot_id, short(item.sender_id))
    turn = turns[sender] = turns.get(sender, -1) + 1
    second = short(item.second_key) if item.second_key else None
    return (
        item.bot_id, conversation_id, item.origin, short(item.event_id), second,
        item.platform_message_id[:KEY_CHARS], sender[1], item.sender_name[:KEY_CHARS],
        item.person_id, item.kind, item.chat_type, item.mentions_bot, item.text,
        item.payload, item.trace_id, lane_for(item.text, item.kind), turn, now, now, *FRESH,
    )  # fmt: skip


def _conversations(batch: Sequence[Incoming]) -> dict[tuple[int, str], int]:
    wanted = {(i.bot_id, short(i.chat_id)): i.chat_type for i in batch}
    found = _find_conversations(wanted)
    fresh = [
        Conversation(bot_id=bot, chat_id=chat, chat_type=kind)
        for (bot, chat), kind in wanted.items()
        if (bot, chat) not in found
    ]
    if fresh:
        Conversation.objects.bulk_create(fresh, ignore_conflicts=True)
        found = _find_conversations(wanted)
    return found


def _find_conversations(keys: Collection[tuple[int, str]]) -> dict[tuple[int, str], int]:
    rows = conversations_of.rows(bots={bot for bot, _ in keys}, chats={chat for _, chat in keys})
    return {(bot, chat): pk for bot, chat, pk in rows if (bot, chat) in keys}


def _turns(batch: Sequence[Incoming]) -> dict[tuple[int, str], int]:
    """The highest turn that each sender has waiting: fairness without counting the backlog."""
    senders = list({(i.bot_id, short(i.sender_id)) for i in batch})
    if connection.vendor == "sqlite":
        params: list[Any] = [json.dumps(senders)]
    else:
        params = [[bot for bot, _ in senders], [sender for _, sender in senders]]
    rows = TOP_TURNS[connection.vendor].rows(connection, params)
    return {(bot, sender): top for bot, sender, top in rows if top is not None}


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
    extra: Mapping[str, Any] | None = None,
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
        payload={"extra": dict(extra)} if extra else {},
    )
    stored = store([item])[0]
    wake.wake(lane_for(text, kind))
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
