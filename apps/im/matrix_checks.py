"""Asks a homeserver what is wrong with a bot: its address, its tokens, its name, the way back.

Source: Matrix 1.16, `GET …/account/whoami` and `POST …/appservice/{appserviceId}/ping`, by which a
homeserver calls us with its hs_token and tells what it met.
"""

from __future__ import annotations

import re
from typing import Any

from apps.core.i18n import Text, both
from apps.im import matrix_api
from apps.im.calls import Reply
from apps.im.errors import BotBroken, DeliveryError
from apps.im.matrix_api import Forbidden, part
from apps.im.shapes import Check, SendContext

#: The `id` of the registration file in our documentation; else it is the bot's slug.
USUAL_ID = "clawdbot"
USER_ID = re.compile(r"@[a-z0-9._=/+-]+:[A-Za-z0-9.:\[\]-]+")
OK = both("正常", "fine")
BAD_USER_ID = both(
    "user_id 应形如 @clawdbot:example.org（小写）", "user_id looks like @clawdbot:example.org"
)
_MISSING = both("缺少 {name}", "{name} is missing")
_NO_SERVER = both(
    "{url} 不是 Matrix 服务器的地址，或没有应答：{why}",
    "{url} is no Matrix homeserver, or gives no answer: {why}",
)
_BAD_TOKEN = both(
    "服务器不认识 as_token：与注册文件里的核对，改过注册文件后要重启服务器（{why}）",
    "the homeserver does not know the as_token: compare the registration file, and restart the "
    "homeserver after changing that ({why})",
)
_BAD_USER = both(
    "as_token 的应用服务不能以 {user} 的身份说话：user_id 应为 @ 加注册文件的 sender_localpart，"
    "加 : 和服务器名（{why}）",
    "the service of this as_token may not speak as {user}: user_id is @, the registration's "
    "sender_localpart, : and the server's name ({why})",
)
_NOT_BACK = both(
    "服务器访问不到 {address}：请核对注册文件的 url 和网络（{why}）",
    "the homeserver cannot reach {address}: look at the registration's url and the network ({why})",
)
_BAD_BACK = {
    403: both(
        "服务器发来的 hs_token 与设置的不同：与注册文件核对，并重启服务器",
        "the homeserver sends another hs_token: compare the registration file, and restart the "
        "homeserver",
    ),
    404: both(
        "注册文件的 url 不是这个机器人的地址 {address}",
        "the registration's url is not this bot's address, {address}",
    ),
}
_ODD_BACK = both("{address} 回答服务器 {status}", "{address} answers the homeserver {status}")


async def look(ctx: SendContext) -> list[Check]:
    """Everything that the homeserver can tell; stops where the next question makes no sense."""
    names = ("api_base", "as_token", "hs_token", "user_id")
    missing = [name for name in names if not ctx.config.get(name)]
    if missing:
        return [Check(name, False, _MISSING.format(name=name)) for name in missing]
    try:
        reply = await matrix_api.send(ctx, "GET", "/_matrix/client/versions")
        known = bool(reply.json().get("versions"))
        why = "" if known else f"HTTP {reply.status}"
    except DeliveryError as error:
        known, why = False, str(error)
    if not known:
        return [Check("api_base", False, _NO_SERVER.format(url=matrix_api.base(ctx), why=why))]
    found = [Check("api_base", True, OK), await _who(ctx)]
    return [*found, *await _back(ctx)] if found[-1].ok else found


async def _who(ctx: SendContext) -> Check:
    """Is the token a service's, and may that speak as our user?"""
    try:
        await matrix_api.request(ctx, "GET", "/account/whoami")
    except BotBroken as error:
        return Check("as_token", False, _BAD_TOKEN.format(why=str(error)))
    except Forbidden as error:
        text = _BAD_USER.format(user=matrix_api.bot(ctx), why=str(error))
        return Check("user_id", False, text)
    except DeliveryError as error:
        text = _NO_SERVER.format(url=matrix_api.base(ctx), why=str(error))
        return Check("api_base", False, text)
    return Check("as_token", True, OK)


async def _back(ctx: SendContext) -> list[Check]:
    """Have the homeserver call us; nothing to tell when we do not know our name there.

    Only the registration file says that name, and older servers have no such call.
    """
    slug = ctx.facts.address.rstrip("/").rpartition("/")[2]
    for name in dict.fromkeys([slug or USUAL_ID, USUAL_ID]):
        path = f"/_matrix/client/v1/appservice/{part(name)}/ping"
        try:
            reply = await matrix_api.send(ctx, "POST", path, {"transaction_id": "check"})
        except DeliveryError:
            continue
        if reply.status == 200:
            return [Check("hs_token", True, OK)]
        told = _told(ctx, reply)
        if told is not None:
            return [told]
    return []


def _told(ctx: SendContext, reply: Reply) -> Check | None:
    """What the homeserver met when it called us; None when it did not call."""
    data = reply.json()
    address = ctx.facts.address or "url"
    match data.get("errcode"):
        case "M_BAD_STATUS":
            status = data.get("status")
            text = _bad_status(status)
            name = "hs_token" if status == 403 else "url"
            return Check(name, False, text.format(address=address, status=status))
        case "M_CONNECTION_FAILED" | "M_CONNECTION_TIMEOUT" | "M_URL_NOT_SET" as code:
            why = str(data.get("error") or code)[:200]
            return Check("url", False, _NOT_BACK.format(address=address, why=why))
    return None


def _bad_status(status: Any) -> Text:
    return _BAD_BACK.get(status, _ODD_BACK) if isinstance(status, int) else _ODD_BACK
