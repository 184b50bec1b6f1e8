"""Answers a poll: what the stream shows now. Looks once and waits for nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from django.conf import settings

from apps.core.i18n import both
from apps.im import aibot_store as store
from apps.im.aibot_events import sealed
from apps.im.aibot_store import Away, Look

#: The platform polls for 6 minutes from the message on; a stream that is still open then looks
#: broken to people, so ours ends before that.
LIFE_S = 330.0
PATIENCE_S = 1.5
WORKING = both("正在处理……", "Working on it …")
ELSEWHERE = both(
    "还需要一些时间，结果会另发一条消息。",
    "This takes longer; the result will come as a message of its own.",
)
MOVED = both("结果见另一条消息。", "The result is in a message of its own.")


async def answer(
    config: Mapping[str, Any], question: Mapping[str, Any], now: float
) -> dict[str, Any]:
    """The sealed answer to one poll; without Redis it says that the work goes on."""
    stream = str(question["stream_id"])
    try:
        async with asyncio.timeout(PATIENCE_S):
            body = await _now(stream, now)
    except (Away, TimeoutError):
        body = _stream(stream, WORKING.in_(settings.CLAWDBOT_LANGUAGE), finished=False)
    return sealed(config, body, str(question.get("nonce", "")), now)


async def _now(stream: str, now: float) -> dict[str, Any]:
    found = await store.polled(stream, now)
    route = found.route
    if found.final is not None and route != "away":
        route = await store.take(stream, "stream")
        if route == "stream":
            await store.tell_shown(stream)
            return final_body(stream, found.final)
    old = now - found.born > LIFE_S
    if route == "away" or (old and await store.take(stream, "away") == "away"):
        return _ended(stream, found)
    words = found.progress or WORKING.in_(settings.CLAWDBOT_LANGUAGE)
    return _stream(stream, words, finished=False)


def final_body(stream: str, final: Mapping[str, Any]) -> dict[str, Any]:
    """The whole answer: text, pictures, and a card with its buttons where there are any."""
    body = _stream(stream, str(final["content"]), finished=True)
    if final.get("images"):
        body["stream"]["msg_item"] = [
            {"msgtype": "image", "image": image} for image in final["images"]
        ]
    if final.get("card"):
        body |= {"msgtype": "stream_with_template_card", "template_card": final["card"]}
    return body


def _ended(stream: str, found: Look) -> dict[str, Any]:
    """The end of a stream whose answer goes another way: it is under way, or still to come."""
    note = (ELSEWHERE if found.final is None else MOVED).in_(settings.CLAWDBOT_LANGUAGE)
    words = f"{found.progress}\n\n{note}" if found.progress and found.final is None else note
    return _stream(stream, words, finished=True)


def _stream(stream: str, content: str, *, finished: bool) -> dict[str, Any]:
    return {
        "msgtype": "stream",
        "stream": {"id": stream, "finish": finished, "content": content},
    }
