"""What the streams of AI bots show at this moment, shared by the workers and whoever is polled.

WeCom asks again and again what a running answer looks like (path 101031, "流式消息刷新"), and
asks the web process; the answer is made in a worker. Between them lies one hash in Redis for each
stream. It is only a way of showing: the delivery's row is the truth, and nothing here outlives a
quarter of an hour. What people read is encrypted.

A stream has one `route`, taken once and for ever: "stream" when a poll was answered with the final
text, "away" when the answer goes another way. Whoever takes it first has decided, so that an
answer is seen in one place only.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, cast

import redis
import structlog

from apps.core import crypto, strictjson
from apps.core.redis import async_client

log = structlog.get_logger(__name__)
Route = Literal["stream", "away"]

#: Nothing of a stream is kept for longer; the platform polls for 6 minutes at the most.
KEEP_S = 900
#: A `response_url` is valid for an hour.
URL_S = 3600
#: The longest wait for a poll; less than the socket timeout of Redis.
LONGEST_WAIT_S = 4.0
_MOST_SPARE = 20


class Away(Exception):
    """Redis does not answer."""


@contextmanager
def _reached() -> Iterator[None]:
    try:
        yield
    except (redis.RedisError, OSError) as error:
        log.warning("aibot.redis_away", error=type(error).__name__)
        raise Away from error


@dataclass(frozen=True, slots=True)
class Look:
    """What is known of a stream: unix seconds of its first and its newest poll, 0 = never."""

    born: float = 0.0
    polled: float = 0.0
    route: str = ""
    progress: str = ""
    final: Mapping[str, Any] | None = None


async def polled(stream: str, now: float) -> Look:
    """Note a poll and tell what there is to show. Raises `Away`, as everything here."""
    with _reached():
        pipe = async_client().pipeline(transaction=False)
        pipe.hsetnx(_key(stream), "born", str(now))
        pipe.hset(_key(stream), "polled", str(now))
        pipe.expire(_key(stream), KEEP_S)
        pipe.hgetall(_key(stream))
        return _look(stream, (await pipe.execute())[-1])


async def look(stream: str) -> Look:
    """What there is, without a trace."""
    with _reached():
        return _look(stream, await _awaited(async_client().hgetall(_key(stream))))


async def show(stream: str, text: str) -> None:
    """Let polls show this, until there is a final text."""
    await _put(stream, "progress", text)


async def finish(stream: str, final: Mapping[str, Any]) -> Look:
    """Let the next poll end the stream with this; tells what was known before."""
    await _put(stream, "final", strictjson.dumps(final))
    return await look(stream)


async def take(stream: str, route: Route) -> str:
    """Take the stream's route, or learn who took it before."""
    with _reached():
        pipe = async_client().pipeline(transaction=False)
        pipe.hsetnx(_key(stream), "route", route)
        pipe.expire(_key(stream), KEEP_S)
        pipe.hget(_key(stream), "route")
        return _text((await pipe.execute())[-1])


async def tell_shown(stream: str) -> None:
    """A poll was answered with the final text: whoever waits for that may go on."""
    with _reached():
        pipe = async_client().pipeline(transaction=False)
        pipe.rpush(_key(stream, "shown"), "1")
        pipe.ltrim(_key(stream, "shown"), -3, -1)
        pipe.expire(_key(stream, "shown"), KEEP_S)
        await pipe.execute()


async def wait_shown(stream: str, seconds: float = LONGEST_WAIT_S) -> bool:
    """Wait for `tell_shown`; False when the time ran out first."""
    with _reached():
        waiting = async_client().blpop([_key(stream, "shown")], timeout=seconds)
        return await _awaited(waiting) is not None


# ---- the addresses for one later answer ----


async def own_url(url: str, owner: str) -> str:
    """Whose is this address: "" when it was used up, or is another delivery's.

    Returns "fresh" for its first use by `owner`, "maybe" when an earlier attempt of the same
    owner may have been taken, "used" when it was.
    """
    with _reached():
        name = _url_key(url)
        pipe = async_client().pipeline(transaction=True)
        pipe.hsetnx(name, "owner", owner)
        pipe.expire(name, 2 * URL_S)
        pipe.hgetall(name)
        held = {_text(k): _text(v) for k, v in (await pipe.execute())[-1].items()}
    if held.get("owner") != owner:
        return ""
    return held.get("state", "fresh")


async def mark_url(url: str, state: Literal["fresh", "maybe", "used"]) -> None:
    """Note what came of a use."""
    with _reached():
        await _awaited(async_client().hset(_url_key(url), "state", state))


async def spare(bot: int, chat: str, url: str, ends: float) -> None:
    """Keep an address that its own answer did not need, for what comes later to this chat."""
    with _reached():
        name = f"clawdbot:aibot:{bot}:spare:{_digest(chat)}"
        pipe = async_client().pipeline(transaction=False)
        pipe.rpush(name, _sealed(strictjson.dumps([url, ends]), "spare"))
        pipe.ltrim(name, -_MOST_SPARE, -1)
        pipe.expire(name, URL_S)
        await pipe.execute()


async def take_spare(bot: int, chat: str, owner: str, now: float) -> str:
    """An unused address of this chat, the same one for the same owner; "" when there is none."""
    claim = f"clawdbot:aibot:claim:{owner}"
    with _reached():
        client = async_client()
        if held := await _awaited(client.get(claim)):
            return _opened(held, "spare") or ""
        while stored := await _awaited(client.lpop(f"clawdbot:aibot:{bot}:spare:{_digest(chat)}")):
            url, ends = _pair(_opened(cast(bytes, stored), "spare"))
            if now < ends and await own_url(url, owner):
                await client.set(claim, _sealed(url, "spare"), ex=2 * URL_S)
                return url
    return ""


def _pair(text: str | None) -> tuple[str, float]:
    if text is None:
        return "", 0.0
    url, ends = strictjson.loads(text)
    return str(url), float(ends)


async def _put(stream: str, name: str, text: str) -> None:
    with _reached():
        pipe = async_client().pipeline(transaction=False)
        pipe.hset(_key(stream), name, _sealed(text, f"{stream}|{name}"))
        pipe.expire(_key(stream), KEEP_S)
        await pipe.execute()


def _look(stream: str, stored: Mapping[bytes, bytes]) -> Look:
    held = {_text(name): value for name, value in stored.items()}
    final = _opened(held.get("final"), f"{stream}|final")
    return Look(
        born=float(_text(held.get("born")) or 0),
        polled=float(_text(held.get("polled")) or 0),
        route=_text(held.get("route")),
        progress=_opened(held.get("progress"), f"{stream}|progress") or "",
        final=strictjson.loads(final) if final else None,
    )


def _sealed(text: str, what: str) -> str:
    return crypto.encrypt(text, f"im.aibot|{what}")


def _opened(sealed: bytes | None, what: str) -> str | None:
    if sealed is None:
        return None
    try:
        return crypto.decrypt(_text(sealed), f"im.aibot|{what}")
    except crypto.SecretError as error:
        # Another installation on the same Redis, or another key: as good as nothing.
        log.warning("aibot.unreadable", error=type(error).__name__)
        return None


async def _awaited(answer: Any) -> Any:
    # The client's commands are typed for both of its kinds; ours is the one that is awaited.
    return await cast(Awaitable[Any], answer)


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value or "")


def _key(stream: str, part: str = "") -> str:
    return f"clawdbot:aibot:stream:{stream}" + (f":{part}" if part else "")


def _url_key(url: str) -> str:
    return f"clawdbot:aibot:url:{_digest(url)}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:40]
