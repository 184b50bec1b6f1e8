"""Finds the providers: every module in `apps/llm/providers`, and other packages' entry points."""

from __future__ import annotations

import functools
from urllib.parse import urlsplit

from apps.core.errors import ClawdbotError
from apps.core.plugins import Found, find
from apps.llm import providers
from apps.llm.provider import Provider

GROUP = "clawdbot.providers"
CUSTOM = "custom"


class UnknownProvider(ClawdbotError):
    """There is no provider called {name}; known are: {known}."""

    code = "unknown_provider"
    zh = "没有名为 {name} 的模型厂商；可用的有：{known}。"
    http_status = 404
    permanent = True


@functools.cache
def registry() -> Found[Provider]:
    """The providers of this installation, found once in each process."""
    return find(providers, GROUP, Provider)


def get_provider(name: str) -> Provider:
    """The provider of that name. Needs no database. Raises `UnknownProvider`."""
    found = registry()
    try:
        return found.named[name]
    except KeyError:
        known = ", ".join(sorted(found.named))
        why = "; ".join(found.problems)
        raise UnknownProvider(f"{name}: {why}" if why else "", name=name, known=known) from None


def all_providers() -> dict[str, Provider]:
    """Every provider, by name."""
    return registry().named


def provider_at(base_url: str) -> Provider:
    """Whose address that is, by its host or its port; `custom` when nobody's."""
    parts = urlsplit(base_url)
    host = (parts.hostname or "").lower()
    for provider in all_providers().values():
        if any(host == one or host.endswith(f".{one}") for one in provider.known_hosts()):
            return provider
    for provider in all_providers().values():
        if parts.port is not None and parts.port in provider.ports:
            return provider
    return get_provider(CUSTOM)
