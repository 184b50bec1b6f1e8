"""Who is calling: X-Forwarded-For counts only from a proxy that was named as trusted."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from functools import cache

from django.conf import settings

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@cache
def _networks(names: tuple[str, ...]) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(name, strict=False) for name in names)


def trusted(address: str) -> bool:
    """Is this the address of a trusted proxy?"""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(found in network for network in _networks(settings.CLAWDBOT_TRUSTED_PROXIES))


def client_address(peer: str, headers: Mapping[str, str]) -> str:
    """The caller's address: the peer, or the nearest untrusted address that our proxies name."""
    if not settings.CLAWDBOT_TRUSTED_PROXIES or not trusted(peer):
        return peer
    found = next((v for k, v in headers.items() if k.lower() == "x-forwarded-for"), "")
    for hop in reversed([h.strip() for h in found.split(",") if h.strip()]):
        if not trusted(hop):
            return hop
    return peer
