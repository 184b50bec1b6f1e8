"""Asks a bot's platform whether the settings are right, and for those that it can tell itself."""

from __future__ import annotations

from collections.abc import Coroutine
from dataclasses import replace
from typing import Any, TypeVar

import structlog

from apps.audit.log import Actor
from apps.core.i18n import Text, both
from apps.core.loop import outside
from apps.im import bot_traffic
from apps.im.bot_settings import against_enabling
from apps.im.bots import address_of, config_of, send_context, update_settings
from apps.im.errors import DeliveryError
from apps.im.facts import facts_of
from apps.im.models import Bot
from apps.im.platform import Platform
from apps.im.registry import get_platform
from apps.im.shapes import Check, SendContext

log = structlog.get_logger(__name__)
Result = TypeVar("Result")

CHECK_S = 25.0
_SLOW = both("平台在 {seconds:g} 秒内没有应答", "the platform gave no answer in {seconds:g} s")
_OFF = both("已停用，可在后台启用", "switched off; it can be enabled in the console")
_FAULT = both(
    "已停用：{why}。改正后请在后台重新启用",
    "switched off: {why}. Mend it, then enable it again in the console",
)
_LEARNED = both("已得知：{value}", "learned: {value}")


def check_bot(bot: Bot, actor: Actor, *, timeout_s: float = CHECK_S) -> list[Check]:
    """Everything that is right or missing; what the platform can tell is stored on the way.

    Calls the platform and waits for it; raises nothing of the platform's.
    """
    platform = get_platform(bot.platform)
    found = [] if bot.enabled else [Check("enabled", False, _off(bot))]
    found += [Check("settings", False, text) for text in against_enabling(platform, config_of(bot))]
    facts = facts_of(bot, address_of(bot))
    context = replace(send_context(bot), facts=facts)
    try:
        asked = _wait(_ask(platform, context), timeout_s)
    except TimeoutError:
        return [*found, Check("platform", False, _SLOW.format(seconds=timeout_s))]
    named = {check.text for check in found}
    found += [check for check in asked if check.text not in named]
    seen = {check.name for check in found}
    found += [check for check in bot_traffic.traffic(platform, facts) if check.name not in seen]
    if not any(check.failed for check in found):
        learned = learn(bot, actor, timeout_s=timeout_s)
        found += [Check(name, True, _LEARNED.format(value=v)) for name, v in learned.items()]
    return found


def _off(bot: Bot) -> Text:
    return _FAULT.format(why=bot.fault) if bot.fault else _OFF


async def _ask(platform: Platform, context: SendContext) -> list[Check]:
    """What the platform says, and what can be seen from here."""
    found = await platform.check(context)
    seen = {check.name for check in found}
    base = str(context.config.get("api_base") or platform.api_base)
    if base and "clock" not in seen:
        clock = await bot_traffic.clock_check(context.door, base)
        found += [clock] if clock else []
    address = context.facts.address
    if address and platform.abilities.receives and "address" not in seen:
        near = base or str(context.config.get("reply_url") or "")
        found.append(await bot_traffic.reachable(context.door, platform, address, near))
    return found


def learn(bot: Bot, actor: Actor, *, timeout_s: float = CHECK_S) -> dict[str, str]:
    """Fill in the settings that the platform can tell and that are still empty.

    Returns what was learned; {} when nothing was missing or the platform could not be asked.
    """
    platform, config = get_platform(bot.platform), config_of(bot)
    wanted = [s.name for s in platform.all_settings() if s.learned and not config.get(s.name)]
    if not wanted:
        return {}
    try:
        told = _wait(platform.learn(send_context(bot)), timeout_s)
    except (DeliveryError, TimeoutError) as error:
        log.warning("bot.not_learned", bot=str(bot), error=str(error))
        return {}
    learned = {name: told[name] for name in wanted if told.get(name)}
    if learned:
        update_settings(bot, learned, actor)
    return learned


def learn_missing(actor: Actor) -> int:
    """`learn` for all enabled bots, for whoever looks after the house now and then."""
    return sum(1 for bot in Bot.objects.filter(enabled=True) if learn(bot, actor))


def _wait(work: Coroutine[Any, Any, Result], timeout_s: float) -> Result:
    future = outside.submit(work)
    try:
        return future.result(timeout_s)
    except TimeoutError:
        future.cancel()
        raise
