"""Wake-ups, coalesced: at most one is on its way for each lane.

While a drain lives, a wake-up is one short element on a list in Redis; only when none lives, and
none was called a moment ago, is a Celery message published (it costs 1 to 2.5 ms). A wake-up that
gets lost costs nothing but time: the sweeper looks every second.
"""

from __future__ import annotations

import asyncio
import math
import time

import structlog
from django.conf import settings
from redis.exceptions import RedisError

from apps.core import redis
from apps.core.loop import outside
from clawdbot.celery import app, producers

log = structlog.get_logger(__name__)
TASK = "assistant.drain"
ALIVE_S = 3  # a living drain says so again long before
CALLED_MS = 2000  # a published wake-up that nobody followed is repeated after this
AWAY_S = 3.0  # a broker that just failed is left alone: each try costs seconds, the sweeper looks
_away_until = 0.0

# KEYS: alive flag, list, called flag. Returns 1 when a Celery message must be published.
SCRIPT = """
if redis.call('EXISTS', KEYS[1]) == 1 then
  redis.call('LPUSH', KEYS[2], '1')
  redis.call('LTRIM', KEYS[2], 0, 0)
  redis.call('EXPIRE', KEYS[2], 10)
  return 0
end
if redis.call('SET', KEYS[3], '1', 'NX', 'PX', ARGV[1]) then return 1 end
return 0
"""


def keys(lane: str) -> list[str]:
    """The three keys of a lane."""
    return [f"clawdbot:drain:{lane}:{part}" for part in ("alive", "list", "called")]


def wake(lane: str) -> None:
    """Make sure that a drain looks at this lane soon. Never raises."""
    try:
        publish = bool(redis.client().eval(SCRIPT, 3, *keys(lane), str(CALLED_MS)))
    except (RedisError, OSError) as error:
        log.warning("wake.redis_away", lane=lane, error=type(error).__name__)
        publish = _broker_is_elsewhere()
    if publish:
        _publish(lane)


async def wake_async(lane: str) -> None:
    """The same from an event loop: Redis without a thread, the rare publish in one."""
    try:
        publish = bool(await redis.async_client().eval(SCRIPT, 3, *keys(lane), str(CALLED_MS)))
    except (RedisError, OSError) as error:
        log.warning("wake.redis_away", lane=lane, error=type(error).__name__)
        publish = _broker_is_elsewhere()
    if publish:
        await asyncio.to_thread(_publish, lane)


def later(lane: str, seconds: float) -> None:
    """Wake the lane after a while; returns at once. Only a hurry: the sweeper looks too."""

    async def wait() -> None:
        await asyncio.sleep(seconds)
        await wake_async(lane)

    outside.submit(wait())


class Waker:
    """Wakes lanes from an event loop while nobody waits: one call at a time for each lane.

    What is asked for during a call is one more call after it.
    """

    def __init__(self) -> None:
        self._again: set[str] = set()
        self._calls: dict[str, asyncio.Task[None]] = {}

    def wake(self, lane: str) -> None:
        """Returns at once."""
        if lane in self._calls:
            self._again.add(lane)
            return
        self._calls[lane] = asyncio.create_task(self._wake(lane))

    async def _wake(self, lane: str) -> None:
        try:
            while True:
                self._again.discard(lane)
                await wake_async(lane)
                if lane not in self._again:
                    return
        finally:
            del self._calls[lane]


def _broker_is_elsewhere() -> bool:
    """A broker on the Redis that just gave no answer gives none either, and that takes longer."""
    here: str = settings.REDIS_URL
    return bool(here.replace("unix://", "redis+socket://", 1) != settings.CELERY_BROKER_URL)


def _publish(lane: str) -> None:
    global _away_until
    if time.monotonic() < _away_until:
        return
    try:
        with producers().acquire(block=True, timeout=2) as producer:
            app.send_task(TASK, args=[lane], queue=lane, producer=producer, retry=False, expires=60)
    except Exception as error:  # noqa: BLE001 - each broker's library has errors of its own
        # The broker is away. The rows are stored; the sweeper finds them when it is back.
        _away_until = time.monotonic() + AWAY_S
        log.warning("wake.broker_away", lane=lane, error=type(error).__name__)


class Presence:
    """The flag of a living drain, and its wait for the next wake-up."""

    def __init__(self, lane: str) -> None:
        self.lane = lane
        self.alive, self.list, self.called = keys(lane)
        self._said = -math.inf  # when the flag was last renewed

    def arrive(self) -> None:
        """Say that a drain lives; wake-ups go to the list from here on."""
        try:
            with redis.client().pipeline(transaction=False) as pipe:
                pipe.set(self.alive, "1", ex=ALIVE_S)
                pipe.delete(self.called)
                pipe.execute()
            self._said = time.monotonic()
        except (RedisError, OSError):
            log.warning("drain.redis_away", lane=self.lane)

    def wait(self, seconds: float) -> bool:
        """Wait for a wake-up; False when none came (or there is no Redis to wait on)."""
        started = time.monotonic()
        try:
            client = redis.client()
            if started - self._said > ALIVE_S / 4:
                client.set(self.alive, "1", ex=ALIVE_S)
                self._said = started
            return client.blpop([self.list], timeout=seconds) is not None
        except (RedisError, OSError):
            log.warning("drain.redis_away", lane=self.lane, waited=time.monotonic() - started)
            return False

    def leave(self) -> None:
        """Take the flag away; whoever leaves must look once more for work."""
        try:
            redis.client().delete(self.alive)
        except (RedisError, OSError):
            log.warning("drain.redis_away", lane=self.lane)
