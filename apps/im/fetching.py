"""Brings what people sent from their platform, for whoever works on it in a thread."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any

from apps.core.loop import outside
from apps.im.base import Later, Media, Permanent, UnknownOutcome, get_platform
from apps.im.bots import send_context
from apps.im.errors import DeliveryError
from apps.im.models import Bot

LONGEST_S = 60.0
TRIES = 3
PATIENCE_S = 5.0


def fetch(bot: Bot, attachment: Mapping[str, Any], limit: int) -> Media:
    """An attachment of a received message, at most `limit` bytes; a few tries.

    `attachment` is as the platform's `receive` gave it, with `message_id`, `chat_id`, `sender_id`
    and `extra` of its message. Raises `Permanent`, or `Later` when it may work another time.
    """
    platform = get_platform(bot.platform)
    if not platform.abilities.fetches:
        raise Permanent(f"{platform.name} cannot fetch files")
    for number in range(1, TRIES + 1):
        try:
            media = outside.submit(_fetch(bot, attachment, limit)).result(LONGEST_S + 5)
        except Permanent:
            raise
        except DeliveryError as error:
            wait = float(getattr(error, "delay_s", 0) or number)
            if number == TRIES or wait > PATIENCE_S:
                raise Later(str(error), delay_s=wait) from error
            time.sleep(wait)
        else:
            if len(media.data) > limit:
                raise Permanent(f"more than {limit} bytes")
            return media
    raise AssertionError("unreachable")


async def _fetch(bot: Bot, attachment: Mapping[str, Any], limit: int) -> Media:
    try:
        async with asyncio.timeout(LONGEST_S):
            return await get_platform(bot.platform).fetch(send_context(bot), attachment, limit)
    except TimeoutError as error:
        raise UnknownOutcome(f"took more than {LONGEST_S:.0f} s") from error
