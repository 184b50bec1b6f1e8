"""Small courtesies of a platform: thanks for a click, a sign that somebody is at work.

Best effort, from any thread: a call returns at once, waits for nothing, and whatever goes wrong is
only logged.
"""

from __future__ import annotations

import asyncio
import threading
from typing import Literal

import structlog

from apps.core.errors import ClawdbotError
from apps.core.loop import outside
from apps.im.base import DeliveryError, Place, Platform, SendContext, get_platform
from apps.im.bots import send_context
from apps.im.models import Bot

log = structlog.get_logger(__name__)
PATIENCE_S = 5.0
#: Calls under way at the same time; what comes on top is left out.
MOST = 64
Courtesy = Literal["acknowledge", "sign"]
_room = threading.BoundedSemaphore(MOST)


def acknowledge(bot: Bot, place: Place) -> None:
    """Tell the platform that a click arrived, where its clients wait for that."""
    _start("acknowledge", bot, place)


def sign(bot: Bot, place: Place) -> None:
    """Show that somebody is at work on a message, where the platform has such a sign."""
    _start("sign", bot, place)


def _start(name: Courtesy, bot: Bot, place: Place) -> None:
    try:
        platform = get_platform(bot.platform)
        if getattr(type(platform), name) is getattr(Platform, name):
            return  # it has none
        context = send_context(bot)
    except ClawdbotError as error:
        log.warning("courtesy.unfit", courtesy=name, bot=bot.slug, code=error.code)
        return
    if not _room.acquire(blocking=False):
        log.warning("courtesy.left_out", courtesy=name, bot=bot.slug)
        return
    outside.submit(_do(name, platform, context, place)).add_done_callback(
        lambda _done: _room.release()
    )


async def _do(name: Courtesy, platform: Platform, context: SendContext, place: Place) -> None:
    try:
        async with asyncio.timeout(PATIENCE_S):
            await getattr(platform, name)(context, place)
    except (DeliveryError, TimeoutError) as error:
        log.info("courtesy.failed", courtesy=name, platform=platform.name, error=str(error)[:200])
    except Exception:
        # A boundary: a fault of the adapter must not become one of the loop.
        log.exception("courtesy.failed", courtesy=name, platform=platform.name)
