"""Between whoever sends and the process that holds the socket: commands and their answers.

A bot has one socket, and the `connect` process holds it. A worker that wants to say something puts
a command on a list in Redis and waits for the answer. A command is done once: whoever takes it
deletes its "want" mark, and a sender that waited in vain deletes it too; whoever finds it gone
leaves the command alone. So the sender knows for certain that nothing was sent, or else that it
cannot know. What was answered is remembered for a quarter of an hour, for the sender's next try.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, cast

import redis

from apps.core import crypto, strictjson
from apps.core.redis import async_client
from apps.im.errors import Later, UnknownOutcome

#: Less than the socket timeout of Redis.
WAIT_S = 4.0
ANSWER_S = 4.0
TICK_S = 2.0
#: A connection that did not say so for this long is not there.
LIVE_S = 10
REMEMBER_S = 900
STATE_S = 86400
_AWAY_PAUSE_S = 3.0
_LINE_S = 60


@dataclass(frozen=True, slots=True)
class Command:
    """One frame to be sent; `key` is the same on every try of the same frame."""

    key: str
    cmd: str
    body: Mapping[str, Any]
    #: Of the callback that is answered, "" for a frame that answers none.
    req_id: str = ""
    #: Of this try alone, so that no answer to another try is taken for this one's.
    mark: str = field(default_factory=lambda: secrets.token_hex(8))

    def text(self) -> str:
        """As it lies on the list."""
        return strictjson.dumps([self.key, self.cmd, self.body, self.req_id, self.mark])

    @classmethod
    def read(cls, text: str) -> Command:
        """The other way round."""
        key, cmd, body, req_id, mark = strictjson.loads(text)
        return cls(str(key), str(cmd), body, str(req_id), str(mark))


@dataclass(frozen=True, slots=True)
class Answer:
    """What the platform said to a frame; code 0 is yes."""

    code: int
    why: str = ""
    body: Mapping[str, Any] = field(default_factory=dict)

    def text(self) -> str:
        """As it lies in Redis."""
        return strictjson.dumps([self.code, self.why, self.body])

    @classmethod
    def read(cls, text: str) -> Answer:
        """The other way round."""
        code, why, body = strictjson.loads(text)
        return cls(int(code), str(why), body)


@dataclass(frozen=True, slots=True)
class State:
    """How the last connection went: when (unix seconds), the platform's code, and its words."""

    at: float = 0.0
    code: int = 0
    why: str = ""
    live: bool = False


async def ask(bot: int, command: Command) -> Answer:
    """Let the `connect` process send a frame and wait for the platform's answer.

    Raises `Later` when it was certainly not sent, `UnknownOutcome` when it may have been.
    """
    with _reached():
        client = async_client()
        if done := await known(command):
            return done
        if not await _await(client.exists(_bot(bot, "live"))):
            raise Later("no connection is held for this bot (manage.py connect)", delay_s=5.0)
        pipe = client.pipeline(transaction=False)
        pipe.set(_key(command.mark, "want"), "1", ex=_LINE_S)
        pipe.rpush(_bot(bot, "out"), crypto.encrypt(command.text(), "im.aibot|wire"))
        pipe.expire(_bot(bot, "out"), _LINE_S)
        await pipe.execute()
    try:
        return await _answered(command)
    except (redis.RedisError, OSError) as error:
        raise UnknownOutcome("Redis went away while the answer was waited for") from error
    except asyncio.CancelledError:
        # Nobody waits any more: what was not taken yet must not be sent behind the next try's back.
        await asyncio.shield(_unwanted(command))
        raise


async def known(command: Command) -> Answer | None:
    """The platform's yes to an earlier try of the same frame. Raises Redis' errors."""
    done = await _await(async_client().get(_key(command.key, "done")))
    return Answer.read(_opened(done)) if done else None


async def _unwanted(command: Command) -> None:
    with suppress(redis.RedisError, OSError):
        await _await(async_client().delete(_key(command.mark, "want")))


async def _answered(command: Command) -> Answer:
    client = async_client()
    if found := await _await(client.blpop([_key(command.mark, "reply")], timeout=WAIT_S)):
        return Answer.read(_opened(found[1]))
    if await _await(client.delete(_key(command.mark, "want"))):
        raise Later("the connection is busy")
    if found := await _await(client.blpop([_key(command.mark, "reply")], timeout=ANSWER_S)):
        return Answer.read(_opened(found[1]))
    raise UnknownOutcome("the platform did not confirm it")


async def take(bot: int) -> Command | None:
    """The next command that is still wanted, after at most `TICK_S`; None when there is none.

    Raises `redis.RedisError` and `OSError`.
    """
    found = await _await(async_client().blpop([_bot(bot, "out")], timeout=TICK_S))
    if found is None:
        return None
    try:
        command = Command.read(_opened(found[1]))
    except (crypto.SecretError, ValueError, TypeError):
        return None  # another installation on the same Redis, or another key
    wanted = await _await(async_client().delete(_key(command.mark, "want")))
    return command if wanted else None


async def tell(command: Command, answer: Answer) -> None:
    """Hand the answer back, and remember a yes. Raises `redis.RedisError` and `OSError`."""
    text = crypto.encrypt(answer.text(), "im.aibot|wire")
    pipe = async_client().pipeline(transaction=False)
    if answer.code == 0:
        pipe.set(_key(command.key, "done"), text, ex=REMEMBER_S)
    pipe.rpush(_key(command.mark, "reply"), text)
    pipe.expire(_key(command.mark, "reply"), _LINE_S)
    await pipe.execute()


async def alive(bot: int) -> None:
    """Say that the socket is open; to be repeated within `LIVE_S`."""
    await _await(async_client().set(_bot(bot, "live"), "1", ex=LIVE_S))


async def over(bot: int) -> None:
    """Say that it is not."""
    await _await(async_client().delete(_bot(bot, "live")))


async def note(bot: int, state: State) -> None:
    """Keep how it went, for whoever checks the bot."""
    text = strictjson.dumps([state.at, state.code, state.why])
    await _await(async_client().set(_bot(bot, "state"), text, ex=STATE_S))


async def state(bot: int) -> State:
    """What `note` kept. Raises `Later` when Redis is away."""
    with _reached():
        kept = await _await(async_client().get(_bot(bot, "state")))
        live = bool(await _await(async_client().exists(_bot(bot, "live"))))
    if kept is None:
        return State(live=live)
    at, code, why = strictjson.loads(kept)
    return State(float(at), int(code), str(why), live)


@contextmanager
def _reached() -> Iterator[None]:
    try:
        yield
    except (redis.RedisError, OSError) as error:
        raise Later("Redis is away", delay_s=_AWAY_PAUSE_S) from error


def _opened(sealed: Any) -> str:
    text = sealed.decode() if isinstance(sealed, bytes) else str(sealed)
    return crypto.decrypt(text, "im.aibot|wire")


async def _await(answer: Any) -> Any:
    # The client's commands are typed for both of its kinds; ours is the one that is awaited.
    return await cast(Awaitable[Any], answer)


def _bot(bot: int, part: str) -> str:
    return f"clawdbot:aibot:{bot}:{part}"


def _key(key: str, part: str) -> str:
    return f"clawdbot:aibot:wire:{key}:{part}"
