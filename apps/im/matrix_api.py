"""Calls to a homeserver's client API as the bot, and their errors in our own words.

Source: Matrix client-server API 1.16, with the identity assertion of the application service API:
`user_id` says as whom the service acts, `device_id` on which device. The device is what makes a
repeat safe: Synapse keeps the transaction ids of devices in its database for a day, those of a
service without one only in memory, where a restart forgets them (measured with 1.163).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NoReturn, TypedDict, Unpack
from urllib.parse import quote, urlencode

import structlog

from apps.im import pauses, tokens
from apps.im.calls import Reply, call
from apps.im.errors import BotBroken, DeliveryError, Later, Permanent, TokenExpired, UnknownOutcome
from apps.im.shapes import Media, SendContext

CLIENT = "/_matrix/client/v3"
DEVICE = "CLAWDBOT"
#: So long a device is taken to be there, and the lack of one for granted.
_DEVICE_S = 6 * 3600.0
_BROKEN = frozenset(
    {"M_UNKNOWN_TOKEN", "M_MISSING_TOKEN", "M_USER_DEACTIVATED", "M_USER_LOCKED",
     "M_USER_SUSPENDED"}
)  # fmt: skip
_LONGEST_WAIT_S = 3600.0
#: Answers with the events of many rooms.
MAX_EVENTS = 32 * 1024 * 1024

log = structlog.get_logger(__name__)


class More(TypedDict, total=False):
    """What else a call may be given; see `calls.call`."""

    data: bytes
    headers: Mapping[str, str]
    max_bytes: int


class NotFound(Permanent):
    """The homeserver has no such thing: {why}."""

    code = "matrix_not_found"
    zh = "服务器上没有：{why}。"


class Forbidden(Permanent):
    """The homeserver does not let the bot do that: {why}."""

    code = "matrix_forbidden"
    zh = "服务器不允许机器人这样做：{why}。"


async def request(
    ctx: SendContext,
    method: str,
    path: str,
    body: Mapping[str, Any] | None = None,
    *,
    device: bool = False,
    query: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """One call as the bot; `path` is below `/_matrix/client/v3`, its parts escaped by `part`.

    With `device` it is made on the bot's device, so that a repeat of a transaction id is known as
    one after a restart, too. Raises `NotFound`, `Forbidden`, `Permanent`, `BotBroken`, `Later`,
    `UnknownOutcome`.
    """
    for _ in range(2):
        name = await ctx.tokens.get(_device(ctx), lambda: _make_device(ctx)) if device else ""
        more = {"device_id": name} if name not in {"", _NONE} else {}
        try:
            where = CLIENT + path
            known = {**more, **(query or {})}
            return opened(await send(ctx, method, where, body, known, outbox=device))
        except TokenExpired:  # somebody removed the device
            await ctx.tokens.drop(_device(ctx), name)
    raise Later("the homeserver does not know the device that it made for the bot")


async def send(
    ctx: SendContext,
    method: str,
    path: str,
    body: Mapping[str, Any] | None = None,
    query: Mapping[str, str] | None = None,
    *,
    outbox: bool = False,
    **more: Unpack[More],
) -> Reply:
    """One authorised call and its answer, whatever its status.

    Raises as `calls.call`, and `Later` without a call while the homeserver wants to be left alone.
    What it told the outbox, the outbox keeps to by itself; all others are told here.
    """
    ours, theirs = kept(ctx, "pause", str(outbox)), kept(ctx, "pause", str(not outbox))
    for name in (theirs,) if outbox else (ours, theirs):
        if wait := await pauses.left(name):
            raise Later("the homeserver asked for time", delay_s=wait)
    more["headers"] = {**headers(ctx), **more.get("headers", {})}
    reply = await call(ctx.door, method, url(ctx, path, query or {}), body=body, **more)
    if reply.status == 429:
        await pauses.keep(ours, _wait(reply, reply.json()))
    return reply


async def lenient(ctx: SendContext, path: str, query: Mapping[str, str]) -> dict[str, Any]:
    """A GET whose answer holds what people wrote, which is to be trusted event by event.

    Raises as `request`.
    """
    reply = await send(ctx, "GET", CLIENT + path, query=query, max_bytes=MAX_EVENTS)
    if reply.status != 200:
        opened(reply)
    try:
        data = json.loads(reply.body)
    except (ValueError, RecursionError) as error:
        raise Later("the homeserver's answer is no JSON", delay_s=5.0) from error
    return data if isinstance(data, dict) else {}


def part(text: str) -> str:
    """One segment of a path, whatever it holds."""
    return quote(text, safe="")


def base(ctx: SendContext) -> str:
    """The homeserver's address, without a slash at its end."""
    return str(ctx.config.get("api_base") or "").rstrip("/")


def bot(ctx: SendContext) -> str:
    """The bot's own Matrix id."""
    return str(ctx.config.get("user_id") or "")


def kept(ctx: SendContext, what: str, *more: str) -> str:
    """A name under which something about this bot is kept for all processes."""
    secret = str(ctx.config.get("as_token") or "")
    return tokens.account("matrix", what, base(ctx), bot(ctx), secret, *more)


async def upload(ctx: SendContext, media: Media) -> str:
    """Store a file at the homeserver; returns its `mxc:` address. Raises as `request`."""
    query = {"filename": media.name} if media.name else {}
    kind = {"content-type": media.mime or "application/octet-stream"}
    path = "/_matrix/media/v3/upload"
    reply = await send(ctx, "POST", path, query=query, outbox=True, data=media.data, headers=kind)
    address = opened(reply).get("content_uri")
    if not isinstance(address, str):
        raise UnknownOutcome("the homeserver took a file and named no address")
    return address


async def download(ctx: SendContext, address: str, limit: int) -> tuple[bytes, str]:
    """The bytes behind an `mxc:` address and their type. Raises as `request`.

    Since Matrix 1.11 media need authorisation; an older server knows the older path only.
    """
    server, _, name = address.removeprefix("mxc://").partition("/")
    where = f"{part(server)}/{part(name)}"
    try:
        return await _bytes(ctx, f"/_matrix/client/v1/media/download/{where}", limit)
    except NotFound as error:
        if error.vendor_code != "M_UNRECOGNIZED":
            raise
    return await _bytes(ctx, f"/_matrix/media/v3/download/{where}", limit)


async def _bytes(ctx: SendContext, path: str, limit: int) -> tuple[bytes, str]:
    reply = await send(ctx, "GET", path, max_bytes=limit)
    if reply.status != 200:
        opened(reply)
    return reply.body, reply.headers.get("content-type", "").partition(";")[0].strip()


def opened(reply: Reply) -> dict[str, Any]:
    """The answer of a call that worked; otherwise the error that says what to do about it."""
    data = reply.json()
    if 200 <= reply.status < 300:
        return data
    code = data.get("errcode")
    told = str(data.get("error") or f"HTTP {reply.status}")[:300]
    if not isinstance(code, str):
        # Not a homeserver's answer: a proxy before it, or another server.
        raise Later(f"HTTP {reply.status} without a Matrix error", delay_s=_wait(reply, data))
    if reply.status == 429 or reply.status >= 500 or code == "M_LIMIT_EXCEEDED":
        raise Later(told, delay_s=_wait(reply, data), vendor_code=code)
    _refused(reply.status, code, told)


def _refused(status: int, code: str, told: str) -> NoReturn:
    if code == "M_UNKNOWN_DEVICE":
        raise TokenExpired(told, vendor_code=code)
    if code in _BROKEN:
        raise BotBroken(told, vendor_code=code)
    if status == 404:
        raise NotFound(told, vendor_code=code)
    if status == 403:
        raise Forbidden(told, vendor_code=code)
    raise Permanent(told, vendor_code=code)


def _wait(reply: Reply, data: Mapping[str, Any]) -> float:
    """Seconds that the homeserver asks for; the older way is `retry_after_ms` in the body."""
    asked = reply.seconds("retry-after")
    stated = data.get("retry_after_ms")
    if not asked and isinstance(stated, int) and stated > 0:
        asked = stated / 1000
    return min(asked, _LONGEST_WAIT_S)


#: What is kept where a homeserver makes no devices for services.
_NONE = "-"


def _device(ctx: SendContext) -> str:
    return kept(ctx, "device")


async def _make_device(ctx: SendContext) -> tuple[str, float]:
    """Make sure that the bot has its device; its name and for how long to rely on it.

    The login's own token is not wanted. A homeserver whose accounts live elsewhere (MAS) has no
    such login and makes the device at once (MSC4190). Raises `Later`, `BotBroken`.
    """
    who = {"type": "m.id.user", "user": bot(ctx)}
    login = {
        "type": "m.login.application_service",
        "identifier": who,
        "device_id": DEVICE,
        "initial_device_display_name": "ClawdBot",
    }
    ways = (("POST", "/login", login), ("PUT", f"/devices/{DEVICE}", {"display_name": "ClawdBot"}))
    for method, path, body in ways:
        try:
            opened(await send(ctx, method, CLIENT + path, body))
        except (BotBroken, Later, UnknownOutcome):
            raise
        except DeliveryError as error:
            log.info("matrix.no_device", way=path, error=str(error))
        else:
            return DEVICE, _DEVICE_S
    return _NONE, _DEVICE_S


def headers(ctx: SendContext) -> dict[str, str]:
    """What authorises a call."""
    return {"authorization": f"Bearer {ctx.config.get('as_token') or ''}"}


def url(ctx: SendContext, path: str, query: Mapping[str, str]) -> str:
    """A whole address, with the name as which we act."""
    return f"{base(ctx)}{path}?{urlencode({'user_id': bot(ctx), **query})}"
