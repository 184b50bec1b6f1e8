"""A backlog: messages that were stored and that nobody handled yet."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from apps.assistant.lanes import lane_for
from apps.assistant.models import Conversation, Message
from apps.im.models import Bot
from benchmarks import fill
from benchmarks.growth.people import FEW

BATCH = 5000


def waiting(tag: str, count: int) -> None:
    """`count` waiting `/ping`s of the 64 people, in their turns, in one transaction."""
    bot = Bot.objects.get(slug="bench")
    for number in range(FEW):
        Conversation.objects.get_or_create(bot=bot, chat_id=f"c{number}")
    chats = dict(Conversation.objects.filter(bot=bot).values_list("chat_id", "pk"))
    now = timezone.now()
    rows = [
        Message(
            bot=bot, conversation_id=chats[f"c{i % FEW}"], event_id=f"{tag}-{i}",
            second_key=f"{tag}-{i}", platform_message_id=f"{tag}-{i}", sender_id=f"u{i % FEW}",
            sender_name=f"u{i % FEW}", mentions_bot=True, text="/ping", trace_id=f"{tag}-{i}"[-32:],
            lane=lane_for("/ping"), turn=i // FEW, not_before=now, created_at=now,
            payload={"attachments": [], "extra": {}},
        )
        for i in range(count)
    ]  # fmt: skip
    with transaction.atomic():
        Message.objects.bulk_create(rows, batch_size=BATCH)
    fill.settle()
