"""Calls to WeCom's API: the token, one retry when it is refused, and errors in our own words.

Codes as in developer.work.weixin.qq.com, "全局错误码" (path 90313). Only `errcode` decides: the
vendor says that `errmsg` may change.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from typing import Any, NoReturn
from urllib.parse import urlencode

from apps.core.http import File
from apps.im import tokens
from apps.im.calls import Reply, call
from apps.im.errors import BotBroken, DeliveryError, Later, Permanent, TokenExpired, UnknownOutcome
from apps.im.shapes import Media, SendContext

API = "https://qyapi.weixin.qq.com"
TOKEN_PATH = "/cgi-bin/gettoken"  # noqa: S105 - an address
SEND_PATH = "/cgi-bin/message/send"
UPDATE_PATH = "/cgi-bin/message/update_template_card"
AGENT_PATH = "/cgi-bin/agent/get"
UPLOAD_PATH = "/cgi-bin/media/upload"
MEDIA_PATH = "/cgi-bin/media/get"

REFRESH = frozenset({40014, 42001})
#: Busy, too many calls in a minute, too many at once.
LATER = frozenset({-1, 6000, 45009, 45011, 45033})
LIMITED = frozenset({45009, 45011})
#: A limit of calls in a minute ends with the minute.
MINUTE_S = 60.0
#: The bot itself is refused, whatever it sends.
BROKEN = {
    40001: "the secret is wrong",
    40013: "the CorpID is wrong",
    40056: "there is no app with this AgentId",
    40091: "the secret belongs to another company",
    48002: "the app may not call this interface",
    48006: "the app was not used for long and lost its rights",
    50003: "the app is disabled",
    60020: "this server's address is not among the app's trusted IPs",
    301002: "the secret is not this app's",
}
#: This person cannot be written to.
UNREACHABLE = {
    40003: "no such user",
    40031: "no such user",
    43004: "the user does not follow the company",
    46004: "no such user",
    50002: "the user is outside the app's visible range",
    60011: "the user is outside the app's visible range",
    60021: "the user is outside the app's visible range",
    60111: "no such user",
    81013: "the user is unknown or outside the app's visible range",
    82001: "nobody is addressed",
}
TASK_KNOWN = 42014
_WAIT_TOKEN_S = 30.0
_IP = re.compile(r"from ip: *([0-9a-fA-F.:]{3,45})")
_FILE_NAME = re.compile(r'filename="?([^";]+)"?')


class ContentRefused(Permanent):
    """WeCom cannot show or take this content: {why}."""

    code = "wecom_content"
    zh = "企业微信无法显示这些内容：{why}。"


async def request(
    ctx: SendContext,
    method: str,
    path: str,
    body: dict[str, Any] | None = None,
    *,
    params: Mapping[str, str] | None = None,
    files: Mapping[str, File] | None = None,
) -> dict[str, Any]:
    """One authorised call; a refused token is fetched anew once.

    Returns the answer's JSON. Raises `ContentRefused`, `Permanent`, `BotBroken`, `Later`,
    `UnknownOutcome`.
    """
    for _ in range(2):
        token = await ctx.tokens.get(account(ctx), lambda: fetch_token(ctx))
        reply = await call(
            ctx.door, method, _address(ctx, path, token, params), body=body, files=files
        )
        try:
            return opened(reply)
        except TokenExpired:
            await ctx.tokens.drop(account(ctx), token)
    raise Later("WeCom refuses fresh access tokens", delay_s=_WAIT_TOKEN_S)


async def fetch_token(ctx: SendContext) -> tuple[str, float]:
    """An access token and its lifetime. Raises `BotBroken`, or `Later` until it works."""
    asked = {"corpid": str(ctx.config["corp_id"]), "corpsecret": str(ctx.config["secret"])}
    try:
        url = f"{base(ctx)}{TOKEN_PATH}?{urlencode(asked)}"
        data = opened(await call(ctx.door, "GET", url))
        return str(data["access_token"]), float(data["expires_in"])
    except (BotBroken, Later):
        raise
    except DeliveryError as error:
        code = error.vendor_code
        raise Later(f"no access token: {error}", delay_s=_WAIT_TOKEN_S, vendor_code=code) from error
    except (KeyError, ValueError) as error:
        raise Later("WeCom answered without an access token") from error


async def upload(ctx: SendContext, kind: str, media: Media, name: str) -> str:
    """Upload a temporary media file (`image`, `voice`, `file`); its id lives for three days."""
    part = File(name, media.data, media.mime or "application/octet-stream")
    answer = await request(ctx, "POST", UPLOAD_PATH, params={"type": kind}, files={"media": part})
    media_id = answer.get("media_id")
    if not isinstance(media_id, str) or not media_id:
        raise UnknownOutcome("WeCom took a file without naming it")
    return media_id


async def download(ctx: SendContext, media_id: str, limit: int) -> Media:
    """Fetch what somebody sent, at most `limit` bytes. JSON instead of a file is an error.

    Raises as `request`; `Permanent` also for what is larger.
    """
    for _ in range(2):
        token = await ctx.tokens.get(account(ctx), lambda: fetch_token(ctx))
        url = _address(ctx, MEDIA_PATH, token, {"media_id": media_id})
        reply = await call(ctx.door, "GET", url, max_bytes=limit)
        kind = reply.headers.get("content-type", "").partition(";")[0].strip().lower()
        if reply.status == 200 and not _is_error(reply, kind):
            return Media(reply.body, _file_name(reply), kind)
        try:
            opened(reply)
        except TokenExpired:
            await ctx.tokens.drop(account(ctx), token)
        else:
            raise UnknownOutcome("WeCom answered without the file")
    raise Later("WeCom refuses fresh access tokens", delay_s=_WAIT_TOKEN_S)


def base(ctx: SendContext) -> str:
    """The address of the API, without a slash at its end."""
    return str(ctx.config.get("api_base") or API).rstrip("/")


def account(ctx: SendContext) -> str:
    """Under which name the token is kept: tokens belong to a company and an app's secret."""
    return tokens.account("wecom", base(ctx), str(ctx.config["corp_id"]), str(ctx.config["secret"]))


def opened(reply: Reply) -> dict[str, Any]:
    """The answer when `errcode` is 0; otherwise the error that says what to do about it."""
    data = reply.json()
    code = data.get("errcode")
    if reply.status == 429 or reply.status >= 500 or code in LATER:
        wait = reply.seconds("retry-after") or (MINUTE_S if code in LIMITED else 0.0)
        raise Later(_why(reply, data), delay_s=wait, vendor_code=str(code or ""))
    if code == 0:
        return data
    if not isinstance(code, int):
        raise UnknownOutcome(f"HTTP {reply.status} without an errcode")
    _refused(code, _why(reply, data))


def own_address(error: DeliveryError) -> str:
    """The address under which WeCom sees this server, when the error names it."""
    found = _IP.search(str(error))
    return found[1] if found else ""


def _address(
    ctx: SendContext, path: str, token: str, params: Mapping[str, str] | None = None
) -> str:
    return f"{base(ctx)}{path}?{urlencode({'access_token': token, **(params or {})})}"


def _refused(code: int, why: str) -> NoReturn:
    vendor_code = str(code)
    if code in REFRESH:
        raise TokenExpired(why, vendor_code=vendor_code)
    if code in BROKEN:
        seen = _IP.search(why)
        raise BotBroken(BROKEN[code] + (f" ({seen[0]})" if seen else ""), vendor_code=vendor_code)
    if code in UNREACHABLE:
        raise Permanent(UNREACHABLE[code], vendor_code=vendor_code)
    # Everything else that is refused is about what was sent; text is worth a try.
    raise ContentRefused(why, vendor_code=vendor_code)


def _why(reply: Reply, data: dict[str, Any]) -> str:
    return str(data.get("errmsg") or f"HTTP {reply.status}")[:300]


def _is_error(reply: Reply, kind: str) -> bool:
    """Errors come as JSON with an `errcode`; a JSON file that somebody sent has none."""
    return kind in {"application/json", "text/plain"} and "errcode" in reply.json()


def _file_name(reply: Reply) -> str:
    """The name in `Content-Disposition`: bytes of UTF-8 in a header that knows only Latin-1."""
    found = _FILE_NAME.search(reply.headers.get("content-disposition", ""))
    name = found[1] if found else ""
    with contextlib.suppress(UnicodeError):
        name = name.encode("latin-1").decode()
    return re.split(r"[/\\]", name)[-1]
