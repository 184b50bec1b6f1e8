"""What Slack itself can tell about a bot: its token, its scopes, who it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apps.core.i18n import Text, both
from apps.im import slack_api, slack_socket
from apps.im.calls import Reply
from apps.im.errors import DeliveryError
from apps.im.shapes import Check, SendContext

#: What each scope is for; without one of these something that is offered does not work.
SCOPES: dict[str, Text] = {
    "chat:write": both("发消息", "to write"),
    "app_mentions:read": both("接收 @ 它的消息", "to receive mentions"),
    "im:history": both("接收私聊消息", "to receive private messages"),
    "im:write": both("私下答复", "to answer privately"),
    "channels:history": both(
        "重试前查看是否已发出（公开频道）", "to look before a repeat, in channels"
    ),
    "groups:history": both(
        "重试前查看是否已发出（私有频道）", "to look before a repeat, in private channels"
    ),
    "files:read": both("读取语音和文件", "to fetch voice and files"),
    "files:write": both("发送文件", "to send files"),
    "reactions:write": both("表示已看到", "to show that a message was seen"),
}

_OK = both("正常", "fine")
_MISSING = both("缺少 {name}", "{name} is missing")
NO_SECRET = both(
    "缺少 signing_secret：没有它就无法核实收到的请求，请从"
    " Basic Information > App Credentials 复制",
    "signing_secret is missing: without it received requests cannot be verified; copy it from "
    "Basic Information > App Credentials",
)
NO_APP_TOKEN = both(
    "缺少 app_token：connection=stream 需要带 connections:write 的 xapp- 令牌"
    "（Basic Information > App-Level Tokens）",
    "app_token is missing: connection=stream needs an xapp- token with connections:write "
    "(Basic Information > App-Level Tokens)",
)
_REFUSED = both(
    "Slack 不接受 bot_token，请从 OAuth & Permissions 重新复制：{why}",
    "Slack refuses bot_token; copy it again from OAuth & Permissions: {why}",
)
_NO_ANSWER = both("Slack 没有应答：{why}", "Slack gives no answer: {why}")
_SCOPES = both(
    "缺少权限 {scopes}：在 OAuth & Permissions 添加后重新安装应用",
    "missing scopes {scopes}: add them under OAuth & Permissions and install the app again",
)
_OTHER_BOT = both(
    "bot_user_id 与 Slack 给出的 {found} 不同，请改正或留空",
    "bot_user_id differs from Slack's {found}; correct it or leave it empty",
)
_NO_SOCKET = both(
    "打不开 Socket Mode 连接，请打开 Socket Mode 并核对 app_token：{why}",
    "no Socket Mode connection; switch Socket Mode on and compare app_token: {why}",
)


def against_enabling(config: Mapping[str, Any]) -> list[Text]:
    """Requests are verified by their signature, sockets are opened with the app's own token."""
    if config.get("connection") == "stream":
        return [] if config.get("app_token") else [NO_APP_TOKEN]
    return [] if config.get("signing_secret") else [NO_SECRET]


async def check(ctx: SendContext) -> list[Check]:
    """Every finding, the wrong ones with their mend. Raises nothing of Slack's."""
    streams = ctx.config.get("connection") == "stream"
    name = "app_token" if streams else "signing_secret"
    problems = against_enabling(ctx.config)
    found = [Check(name, not problems, problems[0] if problems else _OK)]
    if not ctx.config.get("bot_token"):
        return [*found, Check("bot_token", False, _MISSING.format(name="bot_token"))]
    try:
        reply = await slack_api.ask_raw(ctx, "auth.test", {}, token=str(ctx.config["bot_token"]))
    except DeliveryError as error:
        return [*found, Check("bot_token", False, _NO_ANSWER.format(why=str(error)))]
    try:
        told = slack_api.opened(reply)
    except DeliveryError as error:
        return [*found, Check("bot_token", False, _REFUSED.format(why=str(error)))]
    found += [Check("bot_token", True, _OK), _scopes(reply), _identity(ctx, told)]
    if streams and not problems:
        found.append(await _socket(ctx))
    return found


async def user_id(ctx: SendContext) -> str:
    """The bot's own user id. Raises as `slack_api.post`."""
    return str((await slack_api.ask(ctx, "auth.test", {})).get("user_id") or "")


def _scopes(reply: Reply) -> Check:
    header = reply.headers.get("x-oauth-scopes")
    granted = {scope.strip() for scope in (header or "").split(",")}
    missing = [scope for scope in SCOPES if scope not in granted]
    if header is None or not missing:
        return Check("scopes", True, _OK)
    zh = "、".join(f"{scope}（{SCOPES[scope].zh}）" for scope in missing)
    en = ", ".join(f"{scope} ({SCOPES[scope].en})" for scope in missing)
    return Check("scopes", False, _SCOPES.format(scopes=both(zh, en)))


def _identity(ctx: SendContext, told: Mapping[str, Any]) -> Check:
    found, held = str(told.get("user_id") or ""), str(ctx.config.get("bot_user_id") or "")
    right = held in {"", found}
    return Check("bot_user_id", right, _OK if right else _OTHER_BOT.format(found=found))


async def _socket(ctx: SendContext) -> Check:
    try:
        await slack_socket.address(ctx)
    except DeliveryError as error:
        return Check("socket", False, _NO_SOCKET.format(why=str(error)))
    return Check("socket", True, _OK)
