"""Calls to Slack's Web API, and its errors in our own words.

Sources: docs.slack.dev, "Web API" (HTTP 200 with `ok: false` is a refusal; 429 with `Retry-After`)
and the error tables of each method.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn
from urllib.parse import urlencode, urlsplit

from apps.core.http import HttpError, Refused, Response, TooLarge, Unreachable
from apps.im.calls import Reply, call
from apps.im.errors import BotBroken, Later, Permanent, UnknownOutcome
from apps.im.shapes import SendContext

API_BASE = "https://slack.com/api"
FILE_HOSTS = ("files.slack.com",)
_FORM = {"content-type": "application/x-www-form-urlencoded"}

LATER = frozenset(
    {
        *("ratelimited", "rate_limited", "message_limit_exceeded", "service_unavailable"),
        *("request_timeout", "team_added_to_org", "org_login_required"),
    }
)
#: "It's possible some aspect of the operation succeeded before the error was raised."
UNKNOWN = frozenset({"internal_error", "fatal_error"})
BROKEN = {
    "invalid_auth": "the token is wrong",
    "not_authed": "the token is missing",
    "token_revoked": "the token was revoked; install the app again",
    "token_expired": "the token expired; switch token rotation off and install the app again",
    "account_inactive": "the app was removed from the workspace; install it again",
    "not_allowed_token_type": "the token is of another kind (xoxb- for the bot, xapp- for sockets)",
}
CONTENT = frozenset(
    {
        *("invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long", "msg_too_long"),
        *("no_text", "slack_connect_blocked_file_type"),
    }
)
THREAD_GONE = frozenset(
    {"thread_not_found", "message_not_found", "cannot_reply_to_message", "invalid_thread_ts"}
)
MEANINGS = {
    "not_in_channel": "the bot is not in that channel; invite it with /invite",
    "channel_not_found": "the bot cannot see that channel; invite it with /invite",
    "is_archived": "the channel is archived",
    "restricted_action": "the workspace does not let the bot write there",
    "user_not_found": "there is no such person in the workspace",
    "user_disabled": "the person's account is disabled",
    "cannot_dm_bot": "a bot cannot be written to",
    "cant_update_message": "the bot may edit its own messages only",
    "edit_window_closed": "the message is too old to be edited",
    "file_not_found": "the file is gone",
    "file_deleted": "the file was deleted",
}
_NOT_THERE = frozenset({"not_in_channel", "channel_not_found", "is_archived", "restricted_action"})


class ContentRefused(Permanent):
    """Slack cannot draw or take this content: {why}."""

    code = "slack_content"
    zh = "Slack 无法显示这些内容：{why}。"


class PlaceGone(Permanent):
    """The thread or the channel is not there for the bot: {why}."""

    code = "slack_place"
    zh = "机器人到不了那个消息列或频道：{why}。"


class ScopeMissing(Permanent):
    """The app lacks a permission scope: {why}."""

    code = "slack_scope"
    zh = "应用缺少权限：{why}。"


async def post(
    ctx: SendContext, method: str, body: Mapping[str, Any], *, repeatable: bool = True
) -> dict[str, Any]:
    """Call a method with JSON. `repeatable`: arriving twice does no harm.

    Raises `BotBroken`, `ContentRefused`, `PlaceGone`, `ScopeMissing`, `Permanent`, `Later`,
    `UnknownOutcome`.
    """
    headers = _bearer(ctx.config.get("bot_token"))
    url = f"{base(ctx)}/{method}"
    return opened(
        await call(ctx.door, "POST", url, body=body, headers=headers, repeatable=repeatable)
    )


async def ask(
    ctx: SendContext, method: str, form: Mapping[str, str | int], *, repeatable: bool = True
) -> dict[str, Any]:
    """Call a method that wants a form, as those that read do; errors as for `post`."""
    token = str(ctx.config.get("bot_token") or "")
    return opened(await ask_raw(ctx, method, form, token=token, repeatable=repeatable))


async def ask_raw(
    ctx: SendContext,
    method: str,
    form: Mapping[str, str | int],
    *,
    token: str,
    repeatable: bool = True,
) -> Reply:
    """The same with any token; returns the whole answer, whatever it says."""
    headers = _bearer(token) | _FORM
    url, data = f"{base(ctx)}/{method}", urlencode(form).encode()
    return await call(ctx.door, "POST", url, data=data, headers=headers, repeatable=repeatable)


async def private_channel(ctx: SendContext, person: str) -> str:
    """The channel of the bot and one person. Raises as `post`."""
    answer = await post(ctx, "conversations.open", {"users": person})
    channel = answer.get("channel")
    found = channel.get("id") if isinstance(channel, dict) else None
    if not isinstance(found, str) or not found:
        raise UnknownOutcome("Slack opened no conversation")
    return found


async def file_call(
    ctx: SendContext, method: str, url: str, *, body: bytes | None = None, limit: int
) -> Response:
    """Fetch from or send to an address that Slack gave: its file host, or the configured API.

    The token is shown to those and to nobody else, and only for reading. Raises `Permanent` for
    any other address and for too much, `Later`, `UnknownOutcome`.
    """
    headers = _bearer(ctx.config.get("bot_token")) if method == "GET" else {}
    try:
        return await ctx.door.request(
            method,
            url,
            configured=_authority(url) == _authority(base(ctx)),
            allow=FILE_HOSTS,
            headers=headers,
            body=body,
            max_bytes=limit,
            repeatable=True,
        )
    except Unreachable as error:
        raise Later(str(error)) from error
    except (Refused, TooLarge) as error:
        raise Permanent(str(error)) from error
    except HttpError as error:
        raise UnknownOutcome(str(error)) from error


def base(ctx: SendContext) -> str:
    """The address of the API, without a slash at its end."""
    return str(ctx.config.get("api_base") or API_BASE)


def _authority(url: str) -> tuple[str, str]:
    try:
        parts = urlsplit(url)
    except ValueError:
        return "", ""
    return parts.scheme, parts.netloc


def _bearer(token: Any) -> dict[str, str]:
    return {"authorization": f"Bearer {token or ''}"}


def opened(reply: Reply) -> dict[str, Any]:
    """The answer when it is `ok`; otherwise the error that says what to do about it."""
    data = reply.json()
    error = str(data.get("error") or "")
    if reply.status == 429 or error in LATER:
        raise Later(error or f"HTTP {reply.status}", delay_s=reply.seconds("retry-after"))
    if data.get("ok") is True:
        return data
    if not error or error in UNKNOWN:
        # Also any 5xx: a gateway may have given up on what was done behind it.
        raise UnknownOutcome(error or f"HTTP {reply.status} without an answer", vendor_code=error)
    _refused(error, data)


def _refused(error: str, data: Mapping[str, Any]) -> NoReturn:
    if error in BROKEN:
        raise BotBroken(BROKEN[error], vendor_code=error)
    if error == "missing_scope":
        _scope_missing(str(data.get("needed") or "?"))
    if error in CONTENT:
        raise ContentRefused(_detail(data) or error, vendor_code=error)
    if error in THREAD_GONE or error in _NOT_THERE:
        raise PlaceGone(MEANINGS.get(error, "the thread is gone"), vendor_code=error)
    raise Permanent(MEANINGS.get(error, _detail(data) or error), vendor_code=error)


def _scope_missing(needed: str) -> NoReturn:
    why = f"add the scope {needed} under OAuth & Permissions and install the app again"
    if "chat:write" in needed.split(","):
        raise BotBroken(why, vendor_code="missing_scope")  # it can say nothing to anybody
    raise ScopeMissing(why, vendor_code="missing_scope")


def _detail(data: Mapping[str, Any]) -> str:
    more = data.get("response_metadata")
    lines = more.get("messages") if isinstance(more, dict) else None
    return "; ".join(map(str, lines))[:300] if isinstance(lines, list) else ""
