"""WeCom's half of a conversation with an AI bot, as the tests drive it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from typing import Any

from apps.core.http import Door
from apps.im import cards
from apps.im.base import (
    Inbound,
    InboundRequest,
    Outgoing,
    Received,
    SendContext,
    get_platform,
)
from apps.im.cards import Card
from apps.im.tokens import TokenCache
from apps.simulate.desk import Push
from apps.simulate.wecom_aibot import WecomAibotStand

AIBOT = get_platform("wecom_aibot")
KEY = "0b0e4f6e-6a0b-4d2f-9f0e-2f1d3c4b5a69"
POLL_S = 0.05


def request_of(push: Push) -> InboundRequest:
    return InboundRequest(push.method, "/", push.query, push.headers, push.body)


def context(stand: WecomAibotStand, **config: Any) -> SendContext:
    return SendContext(stand.config(**config), 1, Door(), TokenCache())


def received(stand: WecomAibotStand, push: Push, **config: Any) -> Received:
    return AIBOT.receive(stand.config(**config), request_of(push), time.time())


async def callback(stand: WecomAibotStand, push: Push) -> tuple[Received, list[Push]]:
    """One callback and its answer; returns what the platform would ask next."""
    found = received(stand, push)
    if found.verdict == "control":
        answer: Any = await AIBOT.control(stand.config(), found.question, time.time())
    else:
        answer = found.body if found.body is not None else found.response
    body = b"" if answer == "" else json.dumps(answer).encode()
    return found, stand.taken(push, body)


async def asks(stand: WecomAibotStand, push: Push) -> Inbound:
    """A message arrives; its stream is open and nobody polls yet."""
    found, _ = await callback(stand, push)
    return found.messages[0]


@contextlib.asynccontextmanager
async def polling(stand: WecomAibotStand, push: Push) -> AsyncIterator[Inbound]:
    """A message arrives, and the platform polls its stream until that ends."""
    found, polls = await callback(stand, push)

    async def poll() -> None:
        waiting = polls
        while waiting:
            await asyncio.sleep(POLL_S)
            _, waiting = await callback(stand, waiting[0])

    task = asyncio.create_task(poll())
    try:
        yield found.messages[0]
        async with asyncio.timeout(5):
            await task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def answer_to(message: Inbound, card: Card | str = "pong", **changes: Any) -> Outgoing:
    """What answers this message, with the context that the pipeline keeps for it."""
    kept = {name: message.extra[name] for name in AIBOT.context_keys if message.extra.get(name)}
    fields: dict[str, Any] = {
        "key": KEY,
        "role": "answer",
        "chat_id": message.chat_id,
        "chat_type": message.chat_type or "private",
        "card": cards.answer(card) if isinstance(card, str) else card,
        "reply_to": message.message_id,
        "in_reply_to": message.message_id,
        "language": "en",
        "context": kept,
    }
    return Outgoing(**fields | changes)
