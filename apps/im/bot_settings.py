"""The settings of a bot: checked against what its platform declares, secrets encrypted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from apps.core import crypto
from apps.core.errors import ClawdbotError
from apps.core.i18n import Text, both
from apps.im.models import Bot
from apps.im.platform import Platform
from apps.im.registry import get_platform
from apps.im.shapes import Setting

MAX_VALUE = 4000

_UNKNOWN = both(
    "没有叫 {name} 的设置；可用的有：{known}", "no setting is called {name}; known are: {known}"
)
_NO_NUMBER = both(
    "{name} 应为 {low} 到 {high} 的整数", "{name} must be a whole number from {low} to {high}"
)
_NO_URL = both(
    "{name} 应为以 http:// 或 https:// 开头的地址，不带用户名和密码",
    "{name} must be an address with http:// or https:// and without a login",
)
_BAD_TEXT = both(
    "{name} 过长，或含有换行等控制字符", "{name} is too long or holds control characters"
)
_MISSING = both("缺少 {name}（{label}）", "{name} is missing ({label})")

#: By bot: what was stored when it was decrypted, and the result.
_decrypted: dict[UUID, tuple[tuple[Any, ...], dict[str, Any]]] = {}


class BadSettings(ClawdbotError):
    """The settings are not right: {problems}."""

    code = "bad_settings"
    zh = "设置不正确：{problems}。"
    http_status = 400
    permanent = True

    def __init__(self, problems: Sequence[Text]) -> None:
        """All problems at once, so that they can be mended at once."""
        self.problems = tuple(problems)
        super().__init__(problems=joined(problems))


class CannotEnable(BadSettings):
    """The bot cannot be enabled: {problems}."""

    code = "cannot_enable"
    zh = "机器人不能启用：{problems}。"


def joined(texts: Sequence[Text]) -> Text:
    """Several texts as one."""
    return both("；".join(t.zh for t in texts), "; ".join(t.en for t in texts))


def cleaned(platform: Platform, values: Mapping[str, Any]) -> dict[str, str | int]:
    """The values in their declared types. Raises `BadSettings` with every problem there is."""
    declared = {setting.name: setting for setting in platform.all_settings()}
    clean: dict[str, str | int] = {}
    problems: list[Text] = []
    for name, value in values.items():
        if name not in declared:
            problems.append(_UNKNOWN.format(name=name, known=", ".join(declared)))
            continue
        found = _clean(declared[name], value)
        if isinstance(found, Text):
            problems.append(found)
        else:
            clean[name] = found
    if problems:
        raise BadSettings(problems)
    return clean


def against_enabling(platform: Platform, config: Mapping[str, Any]) -> list[Text]:
    """What is missing before a bot with this configuration may be enabled."""
    missing = [
        _MISSING.format(name=setting.name, label=setting.label)
        for setting in platform.all_settings()
        if setting.required and not config.get(setting.name)
    ]
    return missing + platform.can_enable(config)


def split_secrets(
    bot: Bot, platform: Platform, clean: Mapping[str, str | int]
) -> tuple[dict[str, Any], dict[str, str]]:
    """(plain settings, encrypted secrets) as they are stored; empty values are not."""
    plain: dict[str, Any] = {}
    sealed: dict[str, str] = {}
    secret = {setting.name for setting in platform.all_settings() if setting.secret}
    for name, value in clean.items():
        if value == "":
            continue
        if name in secret:
            sealed[name] = crypto.encrypt(str(value), aad(bot, name))
        else:
            plain[name] = value
    return plain, sealed


def aad(bot: Bot, name: str) -> str:
    """The place that a secret is bound to."""
    return f"im.bot|{bot.uid}|{name}"


def config_of(bot: Bot) -> dict[str, Any]:
    """All settings with defaults and decrypted secrets; decrypted once while they stay the same.

    Raises `UnknownPlatform` and `SecretError`.
    """
    # The version alone would not do: a change that was rolled back gives its number to the next.
    stored = (bot.platform, bot.connection, dict(bot.settings), dict(bot.secrets))
    held = _decrypted.get(bot.uid)
    if held is None or held[0] != stored:
        held = (stored, read_config(bot))
        _decrypted[bot.uid] = held
    return dict(held[1])


def public_settings(bot: Bot) -> dict[str, str | int]:
    """What may be shown: plain values, and of a secret only that it is set and its last four."""
    shown: dict[str, str | int] = {}
    config = config_of(bot)
    for setting in get_platform(bot.platform).all_settings():
        value = config.get(setting.name, "")
        shown[setting.name] = crypto.last4(str(value)) if setting.secret and value else value
    return shown


def read_config(bot: Bot) -> dict[str, Any]:
    """As `config_of`, but decrypted anew: for a row that is not written yet."""
    platform = get_platform(bot.platform)
    config: dict[str, Any] = {s.name: s.default for s in platform.all_settings()}
    config |= bot.settings
    config |= {name: crypto.decrypt(token, aad(bot, name)) for name, token in bot.secrets.items()}
    return {**config, "connection": bot.connection}


def _clean(setting: Setting, value: Any) -> str | int | Text:
    """The value in its type, or what is wrong with it."""
    text = str(value).strip()
    if text == "":
        return ""
    if len(text) > MAX_VALUE or not text.isprintable():
        return _BAD_TEXT.format(name=setting.name)
    if setting.kind == "int":
        return _whole_number(setting, text)
    if setting.kind == "url":
        return text.rstrip("/") if _is_address(text) else _NO_URL.format(name=setting.name)
    return text


def _whole_number(setting: Setting, text: str) -> int | Text:
    usable = text.isascii() and text.isdigit() and len(text) < 20
    if usable and setting.low <= int(text) <= setting.high:
        return int(text)
    return _NO_NUMBER.format(name=setting.name, low=setting.low, high=setting.high)


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        usable = parts.port is None or parts.port > 0
    except ValueError:
        return False
    return (
        usable
        and parts.scheme in {"http", "https"}
        and bool(parts.hostname)
        and parts.username is None
        and not parts.fragment
        and " " not in text
    )
