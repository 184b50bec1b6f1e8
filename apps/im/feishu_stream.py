"""Feishu's long connection: events come without a public address, over a socket that we open.

Source: lark-oapi 1.7.5, `ws/client.py`. The endpoint is asked for with the app's secret, which is
what tells its events from forgeries: they carry no signature. Several connections share the events
of an app among them, each event goes to one of them.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qs, urlsplit

import structlog

from apps.core import strictjson
from apps.core.http import HttpError
from apps.im import feishu_api
from apps.im.calls import call
from apps.im.errors import BotBroken, DeliveryError, Later
from apps.im.feishu_frames import CONTROL, DATA, BadFrame, Frame, Parts, decode, encode, ping
from apps.im.payload import Malformed, parse_object
from apps.im.shapes import Link, Received, SendContext, Socket

log = structlog.get_logger(__name__)
ENDPOINT = "/callback/ws/endpoint"
#: The SDK's own default; the endpoint names another.
PING_S = 120.0
#: A connection that let so many pings go by without a word, and some seconds, is dead.
PATIENCE_PINGS, PATIENCE_S = 2, 10.0
#: Answers to the endpoint's call that a later try may turn.
_BUSY = frozenset({1, 1000040343})
_TOO_MANY = 1000040350
_BAD_CREDENTIALS = frozenset({514, 403, 10003, 10014, 1000040344})
Judge = Callable[[dict[str, Any]], Received]


async def keep(ctx: SendContext, link: Link, judge: Judge) -> None:
    """Hold one connection until it ends; `judge` reads an event's JSON."""
    url, ping_s = await endpoint(ctx)
    service = (parse_qs(urlsplit(url).query).get("service_id") or ["0"])[0]
    number = int(service) if service.isascii() and service.isdigit() else 0
    async with link.socket(url, silence_s=PATIENCE_PINGS * ping_s + PATIENCE_S) as socket:
        alive = asyncio.create_task(_ping(socket, number, ping_s))
        try:
            await _read(socket, link, judge)
        finally:
            alive.cancel()


async def endpoint(ctx: SendContext) -> tuple[str, float]:
    """Ask where to connect to: the address and the seconds between two pings.

    Raises `BotBroken` for wrong credentials, `Later` for what may pass.
    """
    body = {"AppID": ctx.config.get("app_id"), "AppSecret": ctx.config.get("app_secret")}
    reply = await call(
        ctx.door, "POST", feishu_api.base(ctx) + ENDPOINT, body=body, headers={"locale": "zh"}
    )
    answer = reply.json()
    code, said = answer.get("code"), str(answer.get("msg") or f"HTTP {reply.status}")
    data = answer.get("data")
    if code == 0 and isinstance(data, dict) and isinstance(data.get("URL"), str):
        config = data.get("ClientConfig")
        seconds = config.get("PingInterval") if isinstance(config, dict) else None
        usable = isinstance(seconds, int) and 0 < seconds <= 3600
        return data["URL"], float(seconds) if usable and seconds else PING_S
    if code == _TOO_MANY:
        raise Later("too many connections of this app are open", delay_s=60, vendor_code=str(code))
    if code in _BAD_CREDENTIALS:
        raise BotBroken(f"no long connection: {said}", vendor_code=str(code))
    delay = 5.0 if code in _BUSY or reply.status >= 500 else 30.0
    raise Later(f"no long connection: {said}", delay_s=delay, vendor_code=str(code))


async def _ping(socket: Socket, service: int, seconds: float) -> None:
    """Say again and again that we live; the end of the socket is the reader's business."""
    with suppress(HttpError):
        while True:
            await socket.send(encode(ping(service)))
            await asyncio.sleep(seconds)


async def _read(socket: Socket, link: Link, judge: Judge) -> None:
    parts = Parts()
    while True:
        data = await socket.recv()
        try:
            frame = decode(data if isinstance(data, bytes) else data.encode())
            payload = parts.whole(frame) if frame.method == DATA else None
        except BadFrame as error:
            log.warning("feishu.bad_frame", error=str(error))
            continue
        if frame.method == CONTROL or payload is None:
            continue
        await socket.send(encode(await _answered(frame, payload, link, judge)))


async def _answered(frame: Frame, payload: bytes, link: Link, judge: Judge) -> Frame:
    """Store an event; the acknowledgement says 500 for what Feishu is to deliver again."""
    try:
        received = judge(parse_object(payload))
        await link.store(received)
    except Malformed as error:
        log.warning("feishu.bad_event", error=str(error))
        return _ack(frame, 200, None)
    except DeliveryError:
        return _ack(frame, 500, None)
    return _ack(frame, 200, received.response)


def _ack(frame: Frame, code: int, data: dict[str, Any] | None) -> Frame:
    answer: dict[str, Any] = {"code": code, "headers": None, "data": None}
    if data is not None:
        answer["data"] = base64.b64encode(strictjson.dumps(data).encode()).decode()
    return frame.answer(strictjson.dumps(answer).encode(), ("biz_rt", "0"))
