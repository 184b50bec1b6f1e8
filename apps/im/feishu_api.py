"""Calls to Feishu's API: the token, one retry when it is refused, and errors in our own words.

Codes as in open.feishu.cn, "Server API error codes" and the pages of each call. The vendor's SDK
takes 99991400 for a missing right and 230020 for a vanished chat; both are rate limits.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, NoReturn, TypeVar

from apps.im import tokens
from apps.im.calls import Reply, call
from apps.im.errors import BotBroken, Later, Permanent, TokenExpired, UnknownOutcome
from apps.im.shapes import SendContext

TOKEN_PATH = "/open-apis/auth/v3/tenant_access_token/internal"  # noqa: S105 - an address
BOT_PATH = "/open-apis/bot/v3/info"

REFRESH = frozenset({99991661, 99991663, 99991664, 99991665, 99991668, 99991671})
LATER = frozenset({99991400, 230020, 11232, 230049})
TARGET_GONE = frozenset({230011, 230110})
MEANINGS = {
    230002: "the bot is not in that chat",
    230006: "the bot ability of the app is off",
    230011: "the message that is answered was recalled",
    230013: "the user is outside the app's availability",
    230017: "the bot is not the owner of the resource",
    230018: "the group is muted",
    230022: "the content was found sensitive",
    230110: "the message was deleted",
    99991672: "the app lacks a permission scope",
    99991679: "the user did not grant a permission scope",
}
#: The app does not exist, or its secret is another.
_WRONG = frozenset({"10003", "10014"})
_WAIT_CREDENTIALS_S = 60.0
_WAIT_TOKEN_S = 30.0
Read = TypeVar("Read")


class ContentRefused(Permanent):
    """Feishu cannot draw or take this content: {why}."""

    code = "feishu_content"
    zh = "飞书无法显示这些内容：{why}。"


class TargetGone(Permanent):
    """The message that this one answers is gone: {why}."""

    code = "feishu_target"
    zh = "要回复的消息已不存在：{why}。"


async def request(
    ctx: SendContext, method: str, path: str, body: dict[str, Any] | None = None
) -> dict[str, Any]:
    """One authorised call; a refused token is fetched anew once.

    Returns the answer's JSON. Raises `ContentRefused`, `TargetGone`, `Permanent`, `Later`,
    `UnknownOutcome`.
    """

    def once(headers: dict[str, str]) -> Awaitable[Reply]:
        return call(ctx.door, method, base(ctx) + path, body=body, headers=headers)

    return await with_token(ctx, once, opened)


async def with_token(
    ctx: SendContext,
    once: Callable[[dict[str, str]], Awaitable[Reply]],
    read: Callable[[Reply], Read],
) -> Read:
    """What `read` makes of the answer of `once`, which is given the headers; as `request`."""
    for _ in range(2):
        token = await ctx.tokens.get(account(ctx), lambda: fetch_token(ctx))
        reply = await once({"Authorization": f"Bearer {token}"})
        try:
            return read(reply)
        except TokenExpired:
            await ctx.tokens.drop(account(ctx), token)
    raise Later("Feishu refuses fresh access tokens", delay_s=_WAIT_TOKEN_S)


async def fetch_token(ctx: SendContext) -> tuple[str, float]:
    """A tenant access token and its lifetime. Raises `Later` until it works.

    Wrong credentials are a matter of waiting too: once they are mended, what waits goes out.
    """
    body = {"app_id": str(ctx.config["app_id"]), "app_secret": str(ctx.config["app_secret"])}
    try:
        data = opened(await call(ctx.door, "POST", base(ctx) + TOKEN_PATH, body=body))
        return str(data["tenant_access_token"]), float(data["expire"])
    except (UnknownOutcome, TokenExpired) as error:
        raise Later(f"no access token: {error}") from error
    except Permanent as error:
        why = f"Feishu refuses app_id and app_secret: {error}"
        if error.vendor_code in _WRONG:
            raise BotBroken(why, vendor_code=error.vendor_code) from error
        raise Later(why, delay_s=_WAIT_CREDENTIALS_S, vendor_code=error.vendor_code) from error
    except (KeyError, ValueError) as error:
        raise Later("Feishu answered without an access token") from error


async def bot_open_id(ctx: SendContext) -> str:
    """The bot's own open_id. Raises as `request`; `Permanent` when the app has no bot."""
    bot = (await request(ctx, "GET", BOT_PATH)).get("bot")
    open_id = bot.get("open_id") if isinstance(bot, dict) else None
    if not isinstance(open_id, str) or not open_id:
        raise Permanent("Feishu names no bot for this app")
    return open_id


def base(ctx: SendContext) -> str:
    """The address of the API, without a slash at its end."""
    return str(ctx.config.get("api_base") or "https://open.feishu.cn")


def account(ctx: SendContext) -> str:
    """Under which name the token is kept."""
    return tokens.account(
        "feishu", base(ctx), str(ctx.config["app_id"]), str(ctx.config["app_secret"])
    )


def opened(reply: Reply) -> dict[str, Any]:
    """The answer when `code` is 0; otherwise the error that says what to do about it."""
    data = reply.json()
    code = data.get("code")
    if reply.status == 429 or reply.status >= 500 or code in LATER:
        wait = reply.seconds("x-ogw-ratelimit-reset", "retry-after")
        raise Later(_why(reply, data), delay_s=wait, vendor_code=str(code or ""))
    if code == 0:
        return data
    if not isinstance(code, int):
        raise UnknownOutcome(f"HTTP {reply.status} without a code")
    _refused(code, _why(reply, data))


def _refused(code: int, why: str) -> NoReturn:
    if code in REFRESH:
        raise TokenExpired(why, vendor_code=str(code))
    if code in TARGET_GONE:
        raise TargetGone(why, vendor_code=str(code))
    if code in MEANINGS:
        raise Permanent(MEANINGS[code], vendor_code=str(code))
    # Everything else that is refused is about what was sent; text is worth a try.
    raise ContentRefused(why, vendor_code=str(code))


def _why(reply: Reply, data: dict[str, Any]) -> str:
    return str(data.get("msg") or f"HTTP {reply.status}")[:300]
