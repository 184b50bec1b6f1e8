"""Keeps the socket of an AI bot: what comes in is stored, what workers want said goes out.

Source: path 101463, "智能机器人长连接", and the frames of the vendor's own SDK. Frames are JSON,
`{cmd, headers: {req_id}, body}`; an answer has no `cmd`, and the `req_id` of what it answers.
A callback is not acknowledged and never comes twice, so what cannot be stored at once is kept and
tried again, also by the next connection of this process.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit
from weakref import WeakValueDictionary

import redis
import structlog
from django.conf import settings

from apps.core import clock, strictjson
from apps.core.http import HttpError
from apps.im import aibot_events, aibot_wire
from apps.im.aibot_api import LATER
from apps.im.aibot_control import ELSEWHERE, LIFE_S
from apps.im.aibot_events import Origin, welcome
from apps.im.aibot_wire import Answer, Command, State
from apps.im.errors import BotBroken, Later
from apps.im.payload import Malformed, object_at, optional_object, optional_text, parse_object
from apps.im.shapes import Link, SendContext, Socket
from apps.im.wecom_crypto import Refused

log = structlog.get_logger(__name__)
HOST = "openws.work.weixin.qq.com"
PING_S = 30.0
ACK_S = 6.0
SUBSCRIBE_S = 10.0
#: Two pings without any answer.
SILENCE_S = 75.0
#: Whoever took the connection over wants it; fighting for it would end in a ban.
KICKED_PAUSE_S = 600.0
#: The stream or the callback is too old: say it in a message of its own.
STALE = 846608
_STORE_PAUSES_S = (0.5, 1, 2, 5)
_MOST_STREAMS = 5000
KICKED = "another connection of this bot took over; is it connected somewhere else too?"


class Kicked(Later):
    """This bot was connected somewhere else: {why}."""

    code = "aibot_kicked"
    zh = "这个机器人在别处建立了连接：{why}。"


def address(config: Mapping[str, Any]) -> str:
    """Where the socket is: at the vendor, or at the host that `api_base` was changed to."""
    parts = urlsplit(str(config.get("api_base") or ""))
    if not parts.netloc or parts.hostname == aibot_events.API_HOST:
        return f"wss://{HOST}"
    return f"{'wss' if parts.scheme == 'https' else 'ws'}://{parts.netloc}"


async def keep(ctx: SendContext, link: Link) -> None:
    """Keep one connection until it is over.

    Raises `BotBroken` for wrong credentials, `Kicked`, `Later`, and the door's errors.
    """
    async with link.socket(address(ctx.config), silence_s=SILENCE_S) as socket:
        held = Connection(ctx, link, socket)
        await held.subscribe()
        try:
            await held.serve()
        finally:
            held.hold_back()
            with contextlib.suppress(redis.RedisError, OSError):
                await aibot_wire.over(ctx.bot_id)


class Connection:
    """One subscribed socket."""

    def __init__(self, ctx: SendContext, link: Link, socket: Socket) -> None:
        self._ctx, self._link, self._socket = ctx, link, socket
        self._numbers = itertools.count(1)
        self._waiting: dict[str, asyncio.Future[Answer]] = {}
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._events: asyncio.Queue[str] = asyncio.Queue()
        self._streams = Streams()
        self._tasks: set[asyncio.Task[None]] = set()
        for frame in _held_back(link):
            self._events.put_nowait(frame)

    # ---- the connection itself ----

    async def subscribe(self) -> None:
        """Say who we are. Raises `BotBroken` when the platform does not know us."""
        body = {"bot_id": self._ctx.config["aibot_id"], "secret": self._ctx.config["secret"]}
        req_id = self._req_id("aibot_subscribe")
        await self._send("aibot_subscribe", req_id, body)
        async with asyncio.timeout(SUBSCRIBE_S):
            while (answer := _answer_in(frame := await self._frame(), req_id)) is None:
                self._take_in(frame)
        state = State(clock.timestamp(), answer.code, answer.why)
        with contextlib.suppress(redis.RedisError, OSError):
            await aibot_wire.note(self._ctx.bot_id, state)
        if answer.code in LATER:
            raise Later(answer.why, delay_s=30.0, vendor_code=str(answer.code))
        if answer.code:
            raise BotBroken(
                f"WeCom refuses aibot_id and secret: {answer.why}", vendor_code=str(answer.code)
            )

    async def serve(self) -> None:
        """Read, store, send and ping side by side; ends as soon as one of them does."""
        parts = (self._read(), self._keep(), self._speak(), self._ping())
        tasks = [asyncio.create_task(part) for part in parts]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            await _stopped({*tasks, *self._tasks})

    def hold_back(self) -> None:
        """Leave what was not stored to the next connection."""
        left = []
        while not self._events.empty():
            left.append(self._events.get_nowait())
        self._link.hold("events", strictjson.dumps(left))

    async def _read(self) -> None:
        while True:
            self._take_in(await self._frame())

    def _take_in(self, frame: dict[str, Any]) -> None:
        """Sort a frame: a callback to be stored, the end of this connection, or an answer."""
        name = frame.get("cmd")
        if name == "aibot_event_callback" and _event_of(frame) == "disconnected_event":
            raise Kicked(KICKED, delay_s=KICKED_PAUSE_S)
        if name in {"aibot_msg_callback", "aibot_event_callback"}:
            self._events.put_nowait(strictjson.dumps(frame))
            return
        for req_id, waiting in self._waiting.items():
            answer = _answer_in(frame, req_id)
            if answer is not None and not waiting.done():
                waiting.set_result(answer)

    async def _ping(self) -> None:
        while True:
            await asyncio.sleep(PING_S)
            await self._send("ping", self._req_id("ping"), None)

    # ---- what comes in ----

    async def _keep(self) -> None:
        """Store what came, in its order. Nothing is taken off the queue before it is stored."""
        while True:
            text = await self._events.get()
            try:
                await self._store(text)
            except BaseException:
                self._put_back(text)
                raise

    def _put_back(self, text: str) -> None:
        later = []
        while not self._events.empty():
            later.append(self._events.get_nowait())
        for one in (text, *later):
            self._events.put_nowait(one)

    async def _store(self, text: str) -> None:
        frame = strictjson.loads(text)
        try:
            body = object_at(frame, "body")
            req_id = optional_text(optional_object(frame, "headers"), "req_id")
            origin = Origin(req_id=req_id)
            received = aibot_events.read(self._ctx.config, body, origin, clock.timestamp())
        except (Malformed, Refused) as error:
            log.warning("aibot.frame_refused", error=str(error)[:100])
            return
        for pause in itertools.chain(_STORE_PAUSES_S, itertools.repeat(_STORE_PAUSES_S[-1])):
            try:
                await self._link.store(received)
                break
            except Later:
                await asyncio.sleep(pause)
        if any(message.extra.get("event") == "enter_chat" for message in received.messages):
            greeting = {"msgtype": "text", "text": {"content": welcome()}}
            await self._send("aibot_respond_welcome_msg", req_id, greeting)

    # ---- what goes out ----

    async def _speak(self) -> None:
        """Do what workers ask for, and end streams before the platform does."""
        while True:
            try:
                await aibot_wire.alive(self._ctx.bot_id)
                command = await aibot_wire.take(self._ctx.bot_id)
            except (redis.RedisError, OSError) as error:
                log.warning("aibot.redis_away", error=type(error).__name__)
                await asyncio.sleep(aibot_wire.TICK_S)
                continue
            if command is not None:
                self._begin(self._do(command))
            for old in self._streams.ending(clock.timestamp()):
                self._begin(self._end(old))

    def _begin(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _do(self, command: Command) -> None:
        # Two tries of the same frame may both lie on the list; the second is told of the first.
        turn = self._turns.setdefault(f"key {command.key}", asyncio.Lock())
        async with turn:
            await self._do_once(command)

    async def _do_once(self, command: Command) -> None:
        with contextlib.suppress(redis.RedisError, OSError):
            if known := await aibot_wire.known(command):
                await aibot_wire.tell(command, known)
                return
        answer = self._streams.ended(command) or await self._said(command)
        if answer is None:
            return  # not confirmed: the sender knows by the silence
        if answer.code == 0:
            self._streams.note(command, clock.timestamp())
        else:
            log.info("aibot.refused", cmd=command.cmd, code=answer.code)
        with contextlib.suppress(redis.RedisError, OSError):
            await aibot_wire.tell(command, answer)

    async def _end(self, command: Command) -> None:
        await self._said(command)

    async def _said(self, command: Command) -> Answer | None:
        """Send a frame and wait for its answer; None when there is none."""
        req_id = command.req_id or self._req_id(command.cmd)
        # One frame of a callback at a time: their answers look the same.
        turn = self._turns.setdefault(req_id, asyncio.Lock())
        async with turn:
            waiting: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
            self._waiting[req_id] = waiting
            try:
                await self._send(command.cmd, req_id, command.body)
                async with asyncio.timeout(ACK_S):
                    return await waiting
            except (TimeoutError, HttpError):
                return None
            finally:
                del self._waiting[req_id]

    async def _send(self, cmd: str, req_id: str, body: Mapping[str, Any] | None) -> None:
        frame: dict[str, Any] = {"cmd": cmd, "headers": {"req_id": req_id}}
        await self._socket.send(strictjson.dumps(frame if body is None else frame | {"body": body}))

    async def _frame(self) -> dict[str, Any]:
        while True:
            raw = await self._socket.recv()
            try:
                return parse_object(raw)
            except Malformed:
                log.warning("aibot.frame_malformed", size=len(raw))

    def _req_id(self, cmd: str) -> str:
        return f"{cmd}_{int(clock.timestamp() * 1000)}_{next(self._numbers)}"


async def _stopped(tasks: set[asyncio.Task[None]]) -> None:
    """Cancel until all have ended: who waits may take one for its own time running out."""
    while tasks:
        for task in tasks:
            task.cancel()
        _, tasks = await asyncio.wait(tasks, timeout=1.0)


class Streams:
    """The streams that were begun and not ended, so that none is left open for too long."""

    def __init__(self) -> None:
        self._open: OrderedDict[str, tuple[float, Command]] = OrderedDict()
        self._over: OrderedDict[str, str] = OrderedDict()  # by whose command

    def ended(self, command: Command) -> Answer | None:
        """The answer to a frame for a stream that is over; None when it is not."""
        stream = command.body.get("stream")
        name = str(stream.get("id")) if isinstance(stream, Mapping) else ""
        if name not in self._over:
            return None
        if self._over[name] == command.key:
            return Answer(0)  # the same frame once more, whose answer got lost
        return Answer(STALE, "the stream is over")

    def note(self, command: Command, now: float) -> None:
        """Remember a frame that the platform took."""
        stream = command.body.get("stream")
        if not isinstance(stream, Mapping):
            return
        name = str(stream["id"])
        if stream.get("finish"):
            self._open.pop(name, None)
            self._close(name, command.key)
            return
        began = self._open[name][0] if name in self._open else now
        self._open[name] = (began, command)
        while len(self._open) > _MOST_STREAMS:
            self._open.popitem(last=False)

    def ending(self, now: float) -> list[Command]:
        """The last frames of streams that are too old; they are over with that."""
        old = [name for name, (began, _) in self._open.items() if now - began > LIFE_S]
        return [self._ended(name) for name in old]

    def _ended(self, name: str) -> Command:
        _, command = self._open.pop(name)
        self._close(name, "")
        said = str(command.body["stream"].get("content", ""))
        note = ELSEWHERE.in_(settings.CLAWDBOT_LANGUAGE)
        stream = {"id": name, "finish": True, "content": f"{said}\n\n{note}".strip()}
        body = {"msgtype": "stream", "stream": stream}
        return Command(f"end:{name}", command.cmd, body, command.req_id)

    def _close(self, name: str, key: str) -> None:
        self._over[name] = key
        while len(self._over) > _MOST_STREAMS:
            self._over.popitem(last=False)


def _event_of(frame: Mapping[str, Any]) -> str:
    body = frame.get("body")
    event = body.get("event") if isinstance(body, dict) else None
    return str(event.get("eventtype")) if isinstance(event, dict) else ""


def _answer_in(frame: Mapping[str, Any], req_id: str) -> Answer | None:
    """The answer to the frame with this id; None when it is none."""
    headers = frame.get("headers")
    given = headers.get("req_id") if isinstance(headers, dict) else None
    code = frame.get("errcode")
    if given != req_id or not isinstance(code, int):
        return None
    body = frame.get("body")
    return Answer(
        code, str(frame.get("errmsg") or "")[:200], body if isinstance(body, dict) else {}
    )


def _held_back(link: Link) -> list[str]:
    try:
        kept = strictjson.loads(link.held("events") or "[]")
    except strictjson.MalformedJson:
        return []
    link.hold("events", "[]")
    return [str(one) for one in kept]
