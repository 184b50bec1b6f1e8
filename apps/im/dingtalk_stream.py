"""DingTalk's long connection (Stream): callbacks and events without a public address.

Source: the protocol's description in open-dingtalk/developerpedia, "learn/stream/protocol".
Messages to the robot are pushed once and never again, so one that cannot be stored now is held
until it can.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from urllib.parse import quote

import structlog

from apps.im import dingtalk_api
from apps.im.calls import call
from apps.im.dingtalk_events import CARD_TOPIC, FRAME, ROBOT_TOPIC, as_text
from apps.im.errors import BotBroken, Later, Permanent, TokenExpired
from apps.im.shapes import InboundRequest, Link, Received, SendContext

log = structlog.get_logger(__name__)
OPEN = "/v1.0/gateway/connections/open"
#: DingTalk pings now and then; a socket that says nothing for so long is dead.
SILENCE_S = 300.0
#: Pauses before an event that could not be stored is tried again.
PAUSES_S = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0)
SUBSCRIPTIONS = (
    {"type": "CALLBACK", "topic": ROBOT_TOPIC},
    {"type": "CALLBACK", "topic": CARD_TOPIC},
    {"type": "EVENT", "topic": "*"},
)
Judge = Callable[[InboundRequest], Received]


async def keep(ctx: SendContext, link: Link, judge: Judge) -> None:
    """Hold one connection until it ends; `judge` reads a frame."""
    url = await endpoint(ctx)
    async with link.socket(url, silence_s=SILENCE_S) as socket:
        while True:
            data = await socket.recv()
            body = data if isinstance(data, bytes) else data.encode()
            received = judge(InboundRequest(FRAME, "", {}, {}, body))
            if received.verdict == "reject":
                log.warning("dingtalk.bad_frame", reason=received.reason)
            elif received.question.get("topic") == "disconnect":
                # Nothing more is pushed here; the socket itself is closed ten seconds later.
                link.replace()
            else:
                await _stored(link, received)
                if received.response is not None:
                    await socket.send(as_text(received.response))


async def endpoint(ctx: SendContext) -> str:
    """Ask where to connect to; the ticket in the address serves once, within 90 seconds.

    Raises `BotBroken` for wrong credentials, `Later` for what may pass.
    """
    body = {
        "clientId": str(ctx.config["app_key"]),
        "clientSecret": str(ctx.config["app_secret"]),
        "subscriptions": list(SUBSCRIPTIONS),
        "ua": "clawdbot/1",
    }
    reply = await call(ctx.door, "POST", dingtalk_api.base(ctx) + OPEN, body=body)
    try:
        data = dingtalk_api.opened(reply, repeatable=True)
    except (TokenExpired, Permanent) as error:
        why = f"no long connection: {error}"
        if error.vendor_code:
            raise BotBroken(why, vendor_code=error.vendor_code) from error
        raise Later(why, delay_s=30) from error
    address, ticket = data.get("endpoint"), data.get("ticket")
    if not (isinstance(address, str) and isinstance(ticket, str)):
        raise Later("DingTalk names no endpoint", delay_s=30)
    return f"{address}?ticket={quote(ticket, safe='')}"


async def _stored(link: Link, received: Received) -> None:
    for pause in PAUSES_S:
        try:
            await link.store(received)
            return
        except Later as error:
            log.warning("dingtalk.not_stored", error=str(error), again_in_s=pause)
            await asyncio.sleep(pause)
    await link.store(received)
