"""Socket Mode: the events of the app over a connection that we open, for bots without an address.

Source: docs.slack.dev, "Using Socket Mode". Each envelope is acknowledged by its id once what it
holds is stored; what is not acknowledged comes again. Before it closes a connection, which it does
every few hours, Slack says so.
"""

from __future__ import annotations

from typing import Any

import structlog

from apps.core import strictjson
from apps.core.http import Unknown
from apps.im import slack_api, slack_events
from apps.im.errors import BotBroken, Later, UnknownOutcome
from apps.im.payload import Malformed, id_at, object_at, optional_text, parse_object
from apps.im.shapes import Link, Received, SendContext, Socket, reject

log = structlog.get_logger(__name__)
OPEN = "apps.connections.open"
#: Slack says nothing while nobody writes; a dead connection is found by the pings beneath.
SILENCE_S = 6 * 3600.0


async def run(ctx: SendContext, link: Link) -> None:
    """Keep one connection until it ends. Raises `BotBroken`, `Later`, `Permanent`."""
    url = await address(ctx)
    async with link.socket(url, silence_s=SILENCE_S) as socket:
        while True:
            try:
                frame = await socket.recv()
            except (Unknown, TimeoutError) as error:
                log.info("slack.socket_ended", why=str(error))
                return
            await _take(ctx, link, socket, frame)


async def address(ctx: SendContext) -> str:
    """Where to connect to; the address is good for one connection."""
    try:
        token = str(ctx.config.get("app_token") or "")
        answer = slack_api.opened(await slack_api.ask_raw(ctx, OPEN, {}, token=token))
    except slack_api.ScopeMissing as error:
        raise BotBroken(str(error), vendor_code="missing_scope") from error
    except UnknownOutcome as error:
        raise Later(str(error)) from error
    url = answer.get("url")
    if not isinstance(url, str) or not url:
        raise Later("Slack gave no address for a socket")
    return url


async def _take(ctx: SendContext, link: Link, socket: Socket, frame: str | bytes) -> None:
    try:
        envelope = parse_object(frame)
        kind = optional_text(envelope, "type")
        if kind == "hello":
            return
        if kind == "disconnect":
            return _ending(link, optional_text(envelope, "reason"))
        envelope_id = id_at(envelope, "envelope_id")
    except Malformed as error:
        log.warning("slack.bad_frame", why=str(error))
        return
    if await _stored(link, _read(ctx, kind, envelope)):
        await _acknowledge(socket, envelope_id)


def _ending(link: Link, reason: str) -> None:
    if reason == "link_disabled":
        raise BotBroken("Socket Mode is switched off for the app", vendor_code=reason)
    link.replace()  # "warning" or "refresh_requested": some seconds are left


def _read(ctx: SendContext, kind: str, envelope: dict[str, Any]) -> Received:
    try:
        return slack_events.envelope(ctx.config, kind, object_at(envelope, "payload"))
    except Malformed as error:
        log.warning("slack.bad_envelope", kind=kind, why=str(error))
        return reject("malformed")


async def _stored(link: Link, received: Received) -> bool:
    """Is there nothing left to be done about it? What could not be stored is to come again."""
    if received.verdict != "accept":
        return True
    try:
        await link.store(received)
    except Later as error:
        log.warning("slack.not_stored", why=str(error))
        return False
    return True


async def _acknowledge(socket: Socket, envelope_id: str) -> None:
    try:
        await socket.send(strictjson.dumps({"envelope_id": envelope_id}))
    except Unknown as error:
        log.info("slack.not_acknowledged", why=str(error))  # it comes again, and is known then
