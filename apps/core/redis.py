"""The one way to Redis: wake-ups, limits and caches, all of which the house can do without.

Nothing durable lives there, so callers catch ``redis.RedisError`` and go on.
"""

from __future__ import annotations

import asyncio
import os
import threading
from typing import Any
from weakref import WeakKeyDictionary

import redis
import redis.asyncio
import redis.asyncio.retry
from django.conf import settings
from redis.backoff import ConstantBackoff
from redis.retry import Retry

#: Seconds; a blocking command must wait for less than the first.
SOCKET_TIMEOUT = 5.0
CONNECT_TIMEOUT = 2.0

_RETRY_PAUSE = 0.02
_lock = threading.Lock()
_clients: dict[str, redis.Redis] = {}
_async_clients: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, redis.asyncio.Redis]] = (
    WeakKeyDictionary()
)


def client() -> redis.Redis:
    """Return this process's client of ``settings.REDIS_URL``; it speaks bytes and is thread-safe.

    Nothing connects before the first command.
    """
    url: str = settings.REDIS_URL
    found = _clients.get(url)
    if found is None:
        with _lock:
            found = _clients.get(url) or redis.Redis.from_url(
                url, retry=Retry(ConstantBackoff(_RETRY_PAUSE), 1, _LOST), **_options(url)
            )
            _clients[url] = found
    return found


def async_client() -> redis.asyncio.Redis:
    """Return the running event loop's own client: connections cannot move between loops.

    Raises ``RuntimeError`` outside an event loop.
    """
    url: str = settings.REDIS_URL
    with _lock:
        mine = _async_clients.setdefault(asyncio.get_running_loop(), {})
        if url not in mine:
            retry = redis.asyncio.retry.Retry(ConstantBackoff(_RETRY_PAUSE), 1, _LOST)
            mine[url] = redis.asyncio.Redis.from_url(url, retry=retry, **_options(url))
        return mine[url]


# A lost connection is worth one more try at once (a server that restarted, a stale kept-alive
# socket); after a timeout the command may have been done, and the caller has waited enough.
_LOST = (redis.ConnectionError,)


def _options(url: str) -> dict[str, Any]:
    options: dict[str, Any] = {
        "socket_timeout": SOCKET_TIMEOUT,
        "socket_connect_timeout": CONNECT_TIMEOUT,
        "health_check_interval": 30,
        "client_name": "clawdbot",
        # RESP2 and no client info: two round trips less for every new connection.
        "protocol": 2,
        "driver_info": None,
    }
    if not url.startswith("unix:"):
        options["socket_keepalive"] = True
    return options


def _forget() -> None:
    # The parent goes on using these sockets: a child must not read a single byte from them.
    global _lock
    _lock = threading.Lock()
    _clients.clear()
    _async_clients.clear()


os.register_at_fork(after_in_child=_forget)
