"""What is missing for an AI bot to work, as far as WeCom and this installation can tell.

A trial subscription would throw out the connection that is held, so the socket is judged by how
its last one went, which the `connect` process notes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apps.core import clock
from apps.core.i18n import Text, both
from apps.im import aibot_wire, wecom_crypto
from apps.im.aibot_events import sealed
from apps.im.ciphers import BadCiphertext
from apps.im.errors import DeliveryError
from apps.im.shapes import Check, SendContext
from apps.im.wecom_crypto import BadKey, Refused, Stamps

_OK = both("正常", "fine")
_NO_WAY_IN = both(
    "缺少 token 和 encoding_aes_key（URL 回调），或者 aibot_id 和 secret（长连接）",
    "token and encoding_aes_key (URL callback) are missing, or aibot_id and secret "
    "(long connection)",
)
_NO_TOKEN = both(
    "缺少 token：没有它就无法核实回调，请从智能机器人的 API 配置里复制",
    "token is missing: callbacks cannot be verified; copy it from the bot's API settings",
)
_BAD_KEY = both(
    "encoding_aes_key 应为 43 个字符，请重新复制：{why}",
    "encoding_aes_key has 43 characters; copy it again: {why}",
)
_NO_SECRET = both(
    "缺少 secret：长连接方式要填机器人的长连接 Secret",
    "secret is missing: connection=stream needs the secret of the long connection",
)
_NO_ID = both("长连接缺少 aibot_id（BotID）", "aibot_id (the BotID) is missing for the connection")
_NOT_TRIED = both(
    "还没有建立过长连接：机器人需要 connection=stream，并且 manage.py connect 在运行",
    "no connection was made yet: the bot needs connection=stream, and manage.py connect must run",
)
_NOT_LIVE = both(
    "长连接现在没有建立；上一次的结果：{why}",
    "there is no connection now; the last one ended with: {why}",
)
_SECRET = both(
    "企业微信不接受 aibot_id 和 secret，请核对：{why}",
    "WeCom refuses aibot_id and secret; compare them: {why}",
)
_STORE = both("Redis 不可用：{why}", "Redis is away: {why}")


def against(config: Mapping[str, Any]) -> list[Text]:
    """What stands against enabling a bot with these settings."""
    return [problem.text for problem in problems(config)]


def problems(config: Mapping[str, Any]) -> list[Check]:
    """The settings without which nothing that comes in could be believed."""
    if config.get("connection") == "stream" and not config.get("secret"):
        return [Check("secret", False, _NO_SECRET)]
    callback = [name for name in ("token", "encoding_aes_key") if config.get(name)]
    if config.get("secret") and not callback:
        return [] if config.get("aibot_id") else [Check("aibot_id", False, _NO_ID)]
    if not callback:
        return [Check("token", False, _NO_WAY_IN)]
    found = [] if config.get("token") else [Check("token", False, _NO_TOKEN)]
    try:
        wecom_crypto.aes_key(str(config.get("encoding_aes_key") or ""))
    except BadKey as error:
        found.append(Check("encoding_aes_key", False, _BAD_KEY.format(why=str(error))))
    return found


async def check(ctx: SendContext) -> list[Check]:
    """Everything that is right or wrong, in the order in which it is to be mended."""
    found = problems(ctx.config)
    if found:
        return found
    if ctx.config.get("token"):
        found.append(_round_trip(ctx.config))
    if ctx.config.get("secret"):
        found.append(await _connection(ctx))
    return found


def _round_trip(config: Mapping[str, Any]) -> Check:
    """Can what we seal be opened with the same settings?"""
    now = clock.timestamp()
    try:
        made = sealed(config, {"msgtype": "check"}, "nonce", now)
        stamps = Stamps(made["msgsignature"], str(made["timestamp"]), "nonce")
        wecom_crypto.open_sealed(config, stamps, made["encrypt"], "", now)
    except (BadKey, BadCiphertext, Refused) as error:
        return Check("encoding_aes_key", False, _BAD_KEY.format(why=str(error)))
    return Check("encoding_aes_key", True, _OK)


async def _connection(ctx: SendContext) -> Check:
    try:
        state = await aibot_wire.state(ctx.bot_id)
    except DeliveryError as error:
        return Check("connection", False, _STORE.format(why=str(error)))
    if state.live:
        return Check("connection", True, _OK)
    if state.code:
        return Check("secret", False, _SECRET.format(why=f"{state.code} {state.why}"))
    if not state.at:
        return Check("connection", False, _NOT_TRIED)
    return Check("connection", False, _NOT_LIVE.format(why=state.why or "ok"))
