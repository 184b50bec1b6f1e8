"""Access tokens of platforms: fetched once, shared by all processes, renewed before they expire.

Redis holds them encrypted; without Redis each process keeps its own.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import cache
from weakref import WeakKeyDictionary, WeakValueDictionary

import redis
import structlog

from apps.core import crypto, strictjson
from apps.core.redis import async_client
from apps.im.errors import DeliveryError

log = structlog.get_logger(__name__)

#: Seconds before its expiry from which a token is renewed.
MARGIN_S = 600.0
#: For so long one process may fetch while the others wait for it.
LOCK_S = 10
#: Pause before the next try when a renewal failed and the old token still serves.
PAUSE_S = 5.0
#: From so many on, those that have ended are forgotten.
MOST_HELD = 1000
_POLL_S = 0.05
_AWAY = (redis.RedisError, OSError)

#: Asks the platform; returns the token and its lifetime in seconds. Raises `DeliveryError`.
Fetch = Callable[[], Awaitable[tuple[str, float]]]


@dataclass(frozen=True, slots=True)
class Token:
    """A token, when it ends, and from when on a new one is wanted (unix seconds)."""

    value: str
    ends: float
    renew: float


def account(platform: str, *parts: str) -> str:
    """The name under which an account's token is kept; another secret is another account."""
    tag = crypto.mac("\0".join(parts).encode(), "token account").partition(":")[2]
    return f"{platform}:{tag[:32]}"


class TokenCache:
    """One for each process (`shared()`); several may stand side by side in tests."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._mine: dict[str, Token] = {}
        # Names are many (a file, a person), so that a lock lives only while somebody holds it.
        self._locks: WeakKeyDictionary[
            asyncio.AbstractEventLoop, WeakValueDictionary[str, asyncio.Lock]
        ] = WeakKeyDictionary()

    async def get(self, name: str, fetch: Fetch) -> str:
        """The account's token; `fetch` is called by one process at a time when a new one is due.

        Raises what `fetch` raises, unless the old token still serves.
        """
        token = self._mine.get(name)
        if token is None or self._clock() >= token.renew:
            async with self._lock(name):
                token = await self._renewed(name, fetch)
        return token.value

    async def drop(self, name: str, value: str) -> None:
        """Forget a token that the platform refused; one that replaced it meanwhile stays."""
        mine = self._mine.get(name)
        if mine is not None and mine.value == value:
            del self._mine[name]
        try:
            held = await self._read(name)
            if held is not None and held.value == value:
                await async_client().delete(_key(name))
        except _AWAY as error:
            log.warning("tokens.redis_away", error=type(error).__name__)

    def _lock(self, name: str) -> asyncio.Lock:
        # A lock belongs to one event loop; commands and the sender each have their own.
        locks = self._locks.setdefault(asyncio.get_running_loop(), WeakValueDictionary())
        return locks.setdefault(name, asyncio.Lock())

    async def _renewed(self, name: str, fetch: Fetch) -> Token:
        old = self._mine.get(name)
        if old is not None and self._clock() < old.renew:
            return old
        try:
            return await self._shared(name, fetch)
        except _AWAY as error:
            log.warning("tokens.redis_away", error=type(error).__name__)
            return await self._fetched(name, fetch, old)

    async def _shared(self, name: str, fetch: Fetch) -> Token:
        """Take the token from Redis, or be the one who fetches it, or wait for that one."""
        mark = secrets.token_hex(8)
        waited_until = time.monotonic() + LOCK_S
        while True:
            held = await self._read(name)
            if held is not None and self._clock() < held.renew:
                self._hold(name, held)
                return held
            if await async_client().set(_key(name, "lock"), mark, nx=True, ex=LOCK_S):
                break
            if held is not None and self._clock() < held.ends:
                return held  # good enough while somebody fetches the next one
            if time.monotonic() > waited_until:
                break
            await asyncio.sleep(_POLL_S)
        try:
            token = await self._fetched(name, fetch, held)
            await self._write(name, token)
        finally:
            await self._unlock(name, mark)
        return token

    async def _fetched(self, name: str, fetch: Fetch, old: Token | None) -> Token:
        try:
            value, lifetime = await fetch()
        except DeliveryError as error:
            if old is None or self._clock() >= old.ends:
                raise
            log.warning("tokens.kept_old", platform=name.partition(":")[0], error=str(error))
            self._hold(name, replace(old, renew=self._clock() + PAUSE_S))
            return old
        now = self._clock()
        token = Token(value, now + lifetime, now + lifetime - min(MARGIN_S, lifetime / 2))
        self._hold(name, token)
        return token

    def _hold(self, name: str, token: Token) -> None:
        self._mine[name] = token
        if len(self._mine) > MOST_HELD:
            now = self._clock()
            self._mine = {key: one for key, one in self._mine.items() if one.ends > now}

    async def _read(self, name: str) -> Token | None:
        stored = await async_client().get(_key(name))
        if stored is None:
            return None
        try:
            sealed = stored if isinstance(stored, str) else stored.decode()
            fields = strictjson.loads(crypto.decrypt(sealed, _aad(name)))
            return Token(str(fields[0]), float(fields[1]), float(fields[2]))
        except (crypto.SecretError, ValueError, LookupError, TypeError) as error:
            # Another installation on the same Redis, or another key: as good as nothing.
            log.warning("tokens.unreadable", error=type(error).__name__)
            return None

    async def _write(self, name: str, token: Token) -> None:
        left = int(token.ends - self._clock())
        if left <= 0:
            return
        text = strictjson.dumps([token.value, token.ends, token.renew])
        try:
            await async_client().set(_key(name), crypto.encrypt(text, _aad(name)), ex=left)
        except _AWAY as error:
            log.warning("tokens.redis_away", error=type(error).__name__)

    async def _unlock(self, name: str, mark: str) -> None:
        key = _key(name, "lock")
        try:
            if await async_client().get(key) == mark.encode():
                await async_client().delete(key)
        except _AWAY as error:
            log.warning("tokens.redis_away", error=type(error).__name__)


def _key(name: str, part: str = "value") -> str:
    return f"clawdbot:token:{name}:{part}"


def _aad(name: str) -> str:
    return f"im.token|{name}|value"


@cache
def shared() -> TokenCache:
    """This process's cache."""
    return TokenCache()
