"""What can be done to a bot: each action checks, changes and audits in one transaction.

The admin, the command and the first start call the same functions.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from django.conf import settings as django_settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_slug
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet

from apps.audit import log as audit
from apps.audit.log import Actor
from apps.core.errors import ClawdbotError
from apps.core.http import door
from apps.core.i18n import both
from apps.core.private import wanted
from apps.im import tokens
from apps.im.bot_settings import (
    BadSettings,
    CannotEnable,
    against_enabling,
    cleaned,
    config_of,
    public_settings,
    read_config,
    split_secrets,
)
from apps.im.models import Bot
from apps.im.platform import Platform
from apps.im.registry import all_platforms, get_platform
from apps.im.shapes import Facts, SendContext

__all__ = [
    "BadSettings",
    "CannotEnable",
    "SlugTaken",
    "add_bot",
    "address_of",
    "config_of",
    "disable_broken",
    "ensure_builtin",
    "public_settings",
    "remove_bot",
    "send_context",
    "set_enabled",
    "streaming",
    "tell_streams",
    "update_settings",
]

_BUILT_IN = both(
    "{name} 是内置平台，不能手工增删", "{name} is built in and is not added or removed"
)
_BAD_SLUG = both(
    "代号 {slug} 只能用字母、数字、- 和 _，最多 50 个字符",
    "the slug {slug} may hold letters, digits, - and _, at most 50",
)
_CONNECTION = both("{name} 不支持 connection={value}", "{name} has no connection={value}")


class SlugTaken(ClawdbotError):
    """There is already a bot with the slug {slug}."""

    code = "slug_taken"
    zh = "已经有代号为 {slug} 的机器人。"
    http_status = 409
    permanent = True


def add_bot(
    platform: str,
    slug: str,
    config: Mapping[str, Any],
    actor: Actor,
    *,
    enabled: bool = True,
    connection: str = "webhook",
) -> Bot:
    """Make a bot. With `enabled` its settings must be complete.

    Raises `UnknownPlatform`, `BadSettings`, `CannotEnable`, `SlugTaken`.
    """
    kind = get_platform(platform)
    if kind.built_in:
        raise BadSettings([_BUILT_IN.format(name=platform)])
    _check_slug(slug)
    _check_connection(kind, connection)
    clean = cleaned(kind, config)
    bot = Bot(platform=platform, slug=slug, enabled=enabled, connection=connection)
    bot.settings, bot.secrets = split_secrets(bot, kind, clean)
    if enabled:
        _refuse_unready(bot)
    try:
        with transaction.atomic():
            bot.save(force_insert=True)
            transaction.on_commit(tell_streams, robust=True)
            _audit("bot.added", bot, actor, {"enabled": enabled, **_names(clean, bot)})
    except IntegrityError as error:
        if Bot.objects.filter(slug=slug).exists():
            raise SlugTaken(slug=slug) from error
        raise
    return bot


def update_settings(
    bot: Bot, changes: Mapping[str, Any], actor: Actor, *, connection: str | None = None
) -> Bot:
    """Change some settings; an empty value takes one away, what is not named stays.

    An enabled bot must stay fit to be enabled. Raises as `add_bot` does; returns the new row.
    """
    kind = get_platform(bot.platform)
    clean = cleaned(kind, changes)
    with transaction.atomic():
        row = Bot.objects.select_for_update().get(pk=bot.pk)
        if connection is not None:
            _check_connection(kind, connection)
            row.connection = connection
        plain, sealed = split_secrets(row, kind, clean)
        before = row.settings
        row.settings = {k: v for k, v in before.items() if k not in clean} | plain
        row.secrets = {k: v for k, v in row.secrets.items() if k not in clean} | sealed
        if row.enabled:
            _refuse_unready(row)
        _save(row)
        changed = {
            k: [before.get(k, ""), plain.get(k, "")] for k in clean if k in before or k in plain
        }
        _audit("bot.changed", row, actor, {"changed": changed, **_names(clean, row)})
    return row


def set_enabled(bot: Bot, enabled: bool, actor: Actor) -> Bot:
    """Switch a bot on or off. Raises `CannotEnable` with everything that stands against it."""
    with transaction.atomic():
        row = Bot.objects.select_for_update().get(pk=bot.pk)
        if row.enabled == enabled:
            return row
        row.enabled = enabled
        if enabled:
            row.fault = ""
            _refuse_unready(row)
        _save(row)
        _audit("bot.enabled" if enabled else "bot.disabled", row, actor, {})
    return row


def remove_bot(bot: Bot, actor: Actor) -> None:
    """Remove a bot with its conversations, messages, deliveries and bindings.

    Raises `BadSettings` for a built-in one.
    """
    if bot.platform in all_platforms() and get_platform(bot.platform).built_in:
        raise BadSettings([_BUILT_IN.format(name=bot.platform)])
    with transaction.atomic():
        row = Bot.objects.select_for_update().get(pk=bot.pk)
        _, removed = row.delete()
        _audit("bot.removed", bot, actor, {"removed": removed})


def ensure_builtin(actor: Actor) -> list[Bot]:
    """Make the built-in bots (web chat, command line) that are not there yet; returns all."""
    bots = []
    for name in sorted(n for n, platform in all_platforms().items() if platform.built_in):
        with transaction.atomic():
            bot, made = Bot.objects.get_or_create(slug=name, defaults={"platform": name})
            if made:
                _audit("bot.added", bot, actor, {"built_in": True})
        bots.append(bot)
    return bots


def address_of(bot: Bot) -> str:
    """The address that the vendor's console wants for events; "" when the bot takes none."""
    if bot.connection != "webhook" or get_platform(bot.platform).built_in:
        return ""
    if not get_platform(bot.platform).abilities.receives:
        return ""
    base: str = django_settings.CLAWDBOT_PUBLIC_URL
    return f"{base}/webhooks/{bot.platform}/{bot.slug}/"


def send_context(bot: Bot) -> SendContext:
    """What the bot's platform needs for going out."""
    # Some platforms want to be told with the message itself where clicks on it go.
    facts = Facts(address=address_of(bot))
    return SendContext(config_of(bot), bot.pk, door, tokens.shared(), facts=facts)


def disable_broken(key: int, reason: str) -> None:
    """Disable a bot that its platform refuses, and keep why; nothing when it is off or gone."""
    with transaction.atomic():
        row = Bot.objects.select_for_update().filter(pk=key, enabled=True).first()
        if row is None:
            return
        row.enabled, row.fault = False, reason[:500]
        _save(row)
        _audit("bot.disabled", row, Actor.system("delivery"), {"reason": row.fault})


def streaming() -> QuerySet[Bot]:
    """The enabled bots for which a connection is kept that goes outwards."""
    always = [name for name, platform in all_platforms().items() if platform.always_streams]
    return Bot.objects.filter(Q(connection="stream") | Q(platform__in=always), enabled=True)


def tell_streams() -> None:
    """Let `up` know whether there are connections to hold; called whenever that may change."""
    file = wanted(django_settings.CLAWDBOT_HOME, "connect")
    there = streaming().exists()
    with suppress(OSError):  # no `up` runs here, or ever did: there is nobody to be told
        if there:
            file.touch()
        else:
            file.unlink(missing_ok=True)


def _check_slug(slug: str) -> None:
    try:
        validate_slug(slug)
        fits = len(slug) <= 50
    except ValidationError:
        fits = False
    if not fits:
        raise BadSettings([_BAD_SLUG.format(slug=slug)])


def _check_connection(platform: Platform, connection: str) -> None:
    if connection not in platform.connections:
        raise BadSettings([_CONNECTION.format(name=platform.name, value=connection)])


def _refuse_unready(bot: Bot) -> None:
    platform = get_platform(bot.platform)
    problems = against_enabling(platform, read_config(bot))
    if problems:
        raise CannotEnable(problems)


def _save(row: Bot) -> None:
    row.version += 1
    row.save()
    transaction.on_commit(tell_streams, robust=True)


def _names(clean: Mapping[str, Any], bot: Bot) -> dict[str, list[str]]:
    """Which settings were given; never what a secret is."""
    return {"settings": sorted(clean), "secrets": sorted(set(clean) & set(bot.secrets))}


def _audit(action: str, bot: Bot, actor: Actor, data: dict[str, Any]) -> None:
    audit.record(action, actor=actor, obj=("bot", bot.pk, str(bot)), outcome="done", data=data)
