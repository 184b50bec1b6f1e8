"""Calls to DingTalk's two APIs: tokens, one retry when one is refused, errors in our own words.

`api.dingtalk.com` names errors by `code` (a dotted name) and an HTTP status; the older
`oapi.dingtalk.com` answers 200 with `errcode`. Codes as in open.dingtalk.com, "全局错误码",
"如何处理钉钉服务端API限流" and the pages of each call.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, NoReturn
from urllib.parse import urlencode

from apps.core.http import File
from apps.core.i18n import Text, both
from apps.im import tokens
from apps.im.calls import Reply, call
from apps.im.dingtalk_hosts import API, OAPI, REPLY_HOSTS, trust
from apps.im.errors import BotBroken, DeliveryError, Later, Permanent, TokenExpired, UnknownOutcome
from apps.im.shapes import SendContext

TOKEN = "/v1.0/oauth2/accessToken"  # noqa: S105 - an address
OLD_TOKEN = "/gettoken"  # noqa: S105 - an address
_HEADER = "x-acs-dingtalk-access-token"

#: Limits are counted by the second, bans by the minute.
QPS_S = 1.0
BAN_S = 600.0
IP_BAN_S = 300.0
_WAIT_TOKEN_S = 30.0

_LATER_CODES = (
    "Throttling",
    "Forbidden.AccessDenied.QpsLimit",
    "system.busy",
    "ServiceUnavailable",
)
_LATER_ERRCODES = {-1: 0.0, 90002: QPS_S, 90018: QPS_S, 90019: QPS_S, 143103: 60.0, 143104: 60.0}
#: A group's robot that wrote more than 20 messages in a minute is deaf for ten.
BANNED = frozenset({"130101", "410100"})
_TOKEN_CODES = ("InvalidAuthentication", "invalidParameter.token", "token.notExisted")
_TOKEN_ERRCODES = frozenset({40014, 42001, 33012})
#: This machine is not on the app's list of addresses.
NOT_LISTED = frozenset({"Forbidden.AccessDenied.IpNotInWhiteList", "60020"})
_BROKEN_CODES = ("invalidClient", "Forbidden.AccessDenied.IpNotInWhiteList", "bot.stopped")
_QUOTA = ("Forbidden.AccessDenied.ApiCountLimitForOrg", 90020)

_QUOTA_TEXT = (
    "the company's calls of this month are used up (10,000 in DingTalk's standard edition); "
    "it works again next month, or with a larger edition"
)
_SIGN_TEXT = (
    "the robot's security settings refuse the message (its keyword is missing, its SEC secret is "
    "another, or this machine's IP is not on its list)"
)
NO_SCOPE = both(
    "应用缺少权限 {scopes}，请在开发者后台“权限管理”申请并发布",
    "the app lacks the permission {scopes}; grant it under Permissions in the developer console",
)


class NoScope(Permanent):
    """The app lacks a permission: {why}."""

    code = "dingtalk_scope"
    zh = "应用缺少权限：{why}。"

    def __init__(self, scopes: str, *, vendor_code: str) -> None:
        """`scopes` are the vendor's names of what is missing."""
        self.scopes = scopes
        super().__init__(NO_SCOPE.en.format(scopes=scopes), vendor_code=vendor_code)


class CardRefused(Permanent):
    """DingTalk cannot draw this card: {why}."""

    code = "dingtalk_card"
    zh = "钉钉无法显示这张卡片：{why}。"


class CardExists(CardRefused):
    """A card of this id is there already: {why}."""

    code = "dingtalk_card_exists"
    zh = "这张卡片已存在：{why}。"


class SessionRefused(Permanent):
    """The reply address takes nothing more: {why}."""

    code = "dingtalk_session"
    zh = "回复地址不再可用：{why}。"


def base(ctx: SendContext) -> str:
    """The address of the API, without a slash at its end."""
    return str(ctx.config.get("api_base") or API)


def old_base(ctx: SendContext) -> str:
    """The address of the older API."""
    return str(ctx.config.get("oapi_base") or OAPI)


def robot_code(ctx: SendContext) -> str:
    """The robot; an internal app's has the name of its app key."""
    return str(ctx.config.get("robot_code") or ctx.config.get("app_key") or "")


async def request(
    ctx: SendContext, method: str, path: str, body: dict[str, Any], *, repeatable: bool = False
) -> dict[str, Any]:
    """One authorised call; a refused token is fetched anew once.

    `repeatable` says that doing it twice is as good as once. Returns the answer's JSON. Raises the
    errors of `opened`.
    """

    async def once(token: str) -> dict[str, Any]:
        reply = await call(
            ctx.door,
            method,
            base(ctx) + path,
            body=body,
            headers={_HEADER: token},
            repeatable=repeatable,
        )
        return opened(reply, repeatable=repeatable)

    return await _authorised(ctx, "new", lambda: fetch_token(ctx), once)


async def upload(ctx: SendContext, kind: str, file: File) -> str:
    """Store a file at DingTalk; returns its media id. `kind` is image, voice, video or file."""

    async def once(token: str) -> dict[str, Any]:
        query = urlencode({"access_token": token, "type": kind})
        reply = await call(
            ctx.door, "POST", f"{old_base(ctx)}/media/upload?{query}", files={"media": file}
        )
        return old_opened(reply, repeatable=True)

    answer = await _authorised(ctx, "old", lambda: fetch_old_token(ctx), once)
    media_id = answer.get("media_id")
    if not isinstance(media_id, str) or not media_id:
        raise UnknownOutcome("DingTalk gave the upload no media id")
    return media_id


async def post_reply(ctx: SendContext, url: str, body: dict[str, Any]) -> None:
    """Answer at a message's own address, which needs no token and counts for nothing.

    Raises `SessionRefused` when it will not be taken there, else the errors of `old_opened`.
    """
    vouched = trust(ctx.config, url, REPLY_HOSTS)
    if vouched is None:
        raise SessionRefused("its host is not DingTalk's")
    allow = None if vouched == "configured" else REPLY_HOSTS
    reply = await call(ctx.door, "POST", url, body=body, repeatable=False, allow=allow)
    try:
        old_opened(reply)
    except (Permanent, TokenExpired) as error:
        raise SessionRefused(str(error)) from error
    except Later as error:
        if error.vendor_code not in BANNED:
            raise
        # This address is deaf for ten minutes; the robot's API is another way.
        raise SessionRefused(str(error), vendor_code=error.vendor_code) from error


async def fetch_token(ctx: SendContext) -> tuple[str, float]:
    """An access token and its lifetime. Raises `BotBroken` for what DingTalk will never take."""
    body = {"appKey": str(ctx.config["app_key"]), "appSecret": str(ctx.config["app_secret"])}
    reply = await call(ctx.door, "POST", base(ctx) + TOKEN, body=body)
    data = _token_answer(lambda: opened(reply, repeatable=True))
    return _token(data, "accessToken", "expireIn")


async def fetch_old_token(ctx: SendContext) -> tuple[str, float]:
    """The same for the older API, whose uploads do not know the new one."""
    app = {"appkey": str(ctx.config["app_key"]), "appsecret": str(ctx.config["app_secret"])}
    reply = await call(ctx.door, "GET", f"{old_base(ctx)}{OLD_TOKEN}?{urlencode(app)}")
    data = _token_answer(lambda: old_opened(reply, repeatable=True))
    return _token(data, "access_token", "expires_in")


def _token_answer(open_it: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    try:
        return open_it()
    except (UnknownOutcome, Later):
        raise
    except DeliveryError as error:
        if error.vendor_code in NOT_LISTED:
            raise
        if error.vendor_code:
            why = f"DingTalk refuses app_key and app_secret: {error}"
            raise BotBroken(why, vendor_code=error.vendor_code) from error
        raise Later(f"no access token: {error}", delay_s=_WAIT_TOKEN_S) from error


def _token(data: dict[str, Any], name: str, lifetime: str) -> tuple[str, float]:
    try:
        return str(data[name]), float(data[lifetime])
    except (KeyError, TypeError, ValueError) as error:
        raise Later("DingTalk answered without an access token") from error


async def _authorised(
    ctx: SendContext,
    which: str,
    fetch: tokens.Fetch,
    once: Callable[[str], Awaitable[dict[str, Any]]],
) -> dict[str, Any]:
    name = account(ctx, which)
    for _ in range(2):
        try:
            token = await ctx.tokens.get(name, fetch)
        except UnknownOutcome as error:  # nothing was sent yet
            raise Later(f"no access token: {error}") from error
        try:
            return await once(token)
        except TokenExpired:
            await ctx.tokens.drop(name, token)
    raise Later("DingTalk refuses fresh access tokens", delay_s=_WAIT_TOKEN_S)


def account(ctx: SendContext, which: str) -> str:
    """Under which name a token is kept."""
    where = base(ctx) if which == "new" else old_base(ctx)
    key, secret = str(ctx.config["app_key"]), str(ctx.config["app_secret"])
    return tokens.account("dingtalk", which, where, key, secret)


def opened(reply: Reply, *, repeatable: bool = False) -> dict[str, Any]:
    """The JSON of a good answer; otherwise the error that says what to do about it.

    Raises `Later`, `TokenExpired`, `NoScope`, `CardRefused`, `Permanent`, `BotBroken`, or
    `UnknownOutcome` for a failure in the middle of what must not be done twice.
    """
    data = reply.json()
    _held_up(reply, data)
    if reply.status < 300:
        return data
    code = data.get("code")
    code = code if isinstance(code, str) else ""
    why = f"{data.get('message') or f'HTTP {reply.status}'}"[:300]
    if reply.status == 429 or code.startswith(_LATER_CODES):
        wait = reply.seconds("retry-after")
        raise Later(why, delay_s=wait or QPS_S, vendor_code=code)
    if reply.status >= 500:
        _failed(reply, why, code, repeatable)
    if reply.status == 401 or code.startswith(_TOKEN_CODES):
        raise TokenExpired(why, vendor_code=code)
    _refused(code, why, data)


def old_opened(reply: Reply, *, repeatable: bool = False) -> dict[str, Any]:
    """The same for an answer of the older API."""
    data = reply.json()
    _held_up(reply, data)
    code = data.get("errcode")
    if reply.status < 300 and code == 0:
        return data
    if reply.status == 429:
        raise Later("HTTP 429", delay_s=reply.seconds("retry-after") or QPS_S)
    if reply.status >= 500 or not isinstance(code, int):
        _failed(reply, f"HTTP {reply.status} without a code", "", repeatable)
    if code == 88 and str(data.get("sub_code", "")).isdigit():
        code = int(data["sub_code"])
    why = str(data.get("sub_msg") or data.get("errmsg") or f"HTTP {reply.status}")[:300]
    _old_refused(code, why, data)


def _held_up(reply: Reply, data: dict[str, Any]) -> None:
    """A page that every address of a machine gets that called too often."""
    if data.get("punish") == "deny" or data.get("status") == 1111:
        raise Later("DingTalk shuts this machine out for a while", delay_s=IP_BAN_S)


def _failed(reply: Reply, why: str, code: str, repeatable: bool) -> NoReturn:
    if repeatable or (reply.status == 503 and code):
        raise Later(why, delay_s=reply.seconds("retry-after"), vendor_code=code)
    raise UnknownOutcome(why, vendor_code=code)


def _refused(code: str, why: str, data: dict[str, Any]) -> NoReturn:
    if code == _QUOTA[0]:
        raise Permanent(_QUOTA_TEXT, vendor_code=code)
    if code == "Forbidden.AccessDenied.AccessTokenPermissionDenied":
        raise NoScope(_scopes(data) or why, vendor_code=code)
    if code == "param.cardAlreadyExist":
        raise CardExists(why, vendor_code=code)
    if code.startswith(("param.", "cardInstance")):
        raise CardRefused(why, vendor_code=code)
    if code == "unknown.send.result":
        raise UnknownOutcome(why, vendor_code=code)
    if code.startswith(_BROKEN_CODES) or _names_the_robot(code):
        raise BotBroken(why, vendor_code=code)
    raise Permanent(why, vendor_code=code)


def _names_the_robot(code: str) -> bool:
    about = "invalidParameter.robotCode"
    return code.startswith(about) and not code.endswith("downloadCode")


def _scopes(data: dict[str, Any]) -> str:
    detail = data.get("accessdenieddetail")
    named = detail.get("requiredScopes") if isinstance(detail, dict) else None
    return ", ".join(str(one) for one in named) if isinstance(named, list) else ""


def _old_refused(code: int, why: str, data: dict[str, Any]) -> NoReturn:
    named = str(code)
    if code in _LATER_ERRCODES:
        raise Later(why, delay_s=_LATER_ERRCODES[code], vendor_code=named)
    if named in BANNED:
        raise Later(f"more than 20 messages in a minute: {why}", delay_s=BAN_S, vendor_code=named)
    if code in _TOKEN_ERRCODES:
        raise TokenExpired(why, vendor_code=named)
    if code == _QUOTA[1]:
        raise Permanent(_QUOTA_TEXT, vendor_code=named)
    if code == 310000:
        raise Permanent(f"{_SIGN_TEXT}: {why}", vendor_code=named)
    if code == 60020:
        raise BotBroken(f"this machine's IP is not on the app's list: {why}", vendor_code=named)
    raise Permanent(why, vendor_code=named)


def said(error: DeliveryError) -> Text:
    """An error for an administrator, in both languages."""
    if isinstance(error, NoScope):
        return NO_SCOPE.format(scopes=error.scopes)
    return both(str(error), str(error))
