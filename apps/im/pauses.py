"""A platform's "come again in so many seconds", known to every process that calls it for a bot.

`pacing` holds back what one process sends; this is for platforms that are called from several.
Redis knows it; without Redis each process keeps to what it was told itself.
"""

from __future__ import annotations

import math
import time

import redis
import structlog

from apps.core.redis import async_client

log = structlog.get_logger(__name__)
_AWAY = (redis.RedisError, OSError)
_mine: dict[str, float] = {}


async def left(name: str) -> float:
    """Seconds for which nobody should call under this name; 0 when it may be done now."""
    known = _mine.get(name, 0.0) - time.monotonic()
    try:
        shared = await async_client().pttl(_key(name))
    except _AWAY as error:
        log.warning("pauses.redis_away", error=type(error).__name__)
        shared = 0
    return max(known, shared / 1000, 0.0)


async def keep(name: str, seconds: float) -> None:
    """Nobody calls under this name for so long."""
    if seconds <= 0:
        return
    _mine[name] = time.monotonic() + seconds
    try:
        await async_client().set(_key(name), b"1", px=math.ceil(seconds * 1000))
    except _AWAY as error:
        log.warning("pauses.redis_away", error=type(error).__name__)


def _key(name: str) -> str:
    return f"clawdbot:pause:{name}"
