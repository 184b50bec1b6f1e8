"""What Telegram says about a bot: its token, its address, and what became of the last pushes."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from apps.core import clock
from apps.core.i18n import both
from apps.im import telegram_api
from apps.im.errors import DeliveryError
from apps.im.shapes import Check, SendContext
from apps.im.telegram_updates import WANTED

PORTS = (443, 80, 88, 8443)
#: A failed push that is older says nothing about now.
RECENT_S = 3600.0

_OK = both("正常", "fine")
_TOKEN = both("Telegram 不认这个 token：{why}", "Telegram does not know this token: {why}")
_OTHER = both(
    "bot_username 与 Telegram 给出的 {name} 不同，请改正或留空",
    "bot_username differs from Telegram's {name}; correct it or leave it empty",
)
_HTTPS = both(
    "{address}：Telegram 只推送到 HTTPS 的 443、80、88、8443 端口；"
    "没有公网地址请用 connection=stream",
    "{address}: Telegram pushes to HTTPS on port 443, 80, 88 or 8443 only; without a public "
    "address use connection=stream",
)
_SET = both("已向 Telegram 登记地址", "the address is registered with Telegram now")
_ELSEWHERE = both(
    "Telegram 正推送到另一个地址：{url}。若确要改到这里，请先对它执行 deleteWebhook",
    "Telegram pushes to another address: {url}. If it is to be this one, delete that webhook first",
)
_FAILED = both(
    "最近一次推送失败：{why}。403 表示 secret_token 与登记的不同；"
    "连接失败则请检查域名、证书和防火墙",
    "the last push failed: {why}. 403 means that secret_token differs from the registered one; "
    "for failed connections look at name, certificate and firewall",
)
_MISSING = both(
    "没有订阅 {names}，请重新登记地址", "{names} is not subscribed; register the address anew"
)


async def me(ctx: SendContext) -> dict[str, Any]:
    """The bot as Telegram knows it. Raises as `telegram_api.request` does."""
    found = await telegram_api.request(ctx, "getMe")
    return found if isinstance(found, dict) else {}


async def check(ctx: SendContext) -> list[Check]:
    """Everything that is right or missing."""
    try:
        bot = await me(ctx)
    except DeliveryError as error:
        return [Check("token", False, _TOKEN.format(why=str(error)))]
    found = [Check("token", True, _OK)]
    held, name = str(ctx.config.get("bot_username") or ""), str(bot.get("username") or "")
    if held.lstrip("@").casefold() not in {"", name.casefold()}:
        found.append(Check("bot_username", False, _OTHER.format(name=name)))
    if ctx.config.get("connection") == "stream" or not ctx.facts.address:
        return found
    try:
        return found + await _webhook(ctx)
    except DeliveryError as error:
        return [*found, Check("webhook", False, both(str(error), str(error)))]


async def _webhook(ctx: SendContext) -> list[Check]:
    info = await telegram_api.request(ctx, "getWebhookInfo")
    info = info if isinstance(info, dict) else {}
    url, address = str(info.get("url") or ""), ctx.facts.address
    if url and url != address:
        return [Check("webhook", False, _ELSEWHERE.format(url=url))]
    if not url:
        return [await _register(ctx, address)]
    found = []
    failed_at = info.get("last_error_date")
    if isinstance(failed_at, int) and clock.timestamp() - failed_at < RECENT_S:
        why = str(info.get("last_error_message") or "")
        found.append(Check("webhook", False, _FAILED.format(why=why)))
    subscribed = info.get("allowed_updates")
    missing = [one for one in WANTED if isinstance(subscribed, list) and one not in subscribed]
    if missing and subscribed:
        found.append(Check("updates", False, _MISSING.format(names=", ".join(missing))))
    return found or [Check("webhook", True, _OK)]


async def _register(ctx: SendContext, address: str) -> Check:
    """Nobody is pushed to yet: make it us."""
    parts = urlsplit(address)
    public = parts.scheme == "https" and (parts.port or 443) in PORTS
    if not public and telegram_api.base(ctx) == "https://api.telegram.org":
        return Check("webhook", False, _HTTPS.format(address=address))
    body = {
        "url": address,
        "secret_token": str(ctx.config.get("secret_token") or ""),
        "allowed_updates": list(WANTED),
    }
    await telegram_api.request(ctx, "setWebhook", body)
    return Check("webhook", True, _SET)
