"""Finds the providers: every module in `apps/llm/providers`, and other packages' entry points."""

from __future__ import annotations

import functools
import ipaddress
from collections.abc import Iterable
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
    return registry().get(name, UnknownProvider)


def all_providers() -> dict[str, Provider]:
    """Every provider, by name."""
    return registry().named


def provider_at(base_url: str) -> Provider:
    """Whose address that is, by its host or its port; `custom` when nobody's."""
    parts = urlsplit(base_url)
    host = (parts.hostname or "").lower()
    for provider in all_providers().values():
        if _within(host, provider.known_hosts()):
            return provider
    for provider in all_providers().values():
        if parts.port is not None and parts.port in provider.ports:
            return provider
    return get_provider(CUSTOM)


def zone_at(base_url: str) -> str:
    """Where an address lies, as a first guess for a form: `internal`, `mainland` or `abroad`.

    Careful: what nobody here knows is abroad unless it is an address of one's own network.
    """
    host = (urlsplit(base_url).hostname or "").lower()
    if _is_own(host):
        return "internal"
    provider = provider_at(base_url)
    if not _within(host, provider.known_hosts()) or _within(host, provider.abroad):
        return "abroad"
    return provider.zone


def _is_own(host: str) -> bool:
    """A private address, or a name that means nothing outside."""
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        own = (".local", ".internal", ".lan", ".localhost")
        return bool(host) and ("." not in host or host.endswith(own))


def _within(host: str, known: Iterable[str]) -> bool:
    return any(host == one or host.endswith(f".{one}") for one in known)
