"""Which addresses may be called: those of administrators nearly freely, those of payloads hardly.

One parser reads an address for the check and for the connection, so that the two cannot disagree.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from apps.core.http_errors import Refused

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

MAX_URL_LENGTH = 8192
_PORTS = {"http": 80, "https": 443}
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_UNSAFE = re.compile(r"[\x00-\x20\x7f\\]")

# IANA special-purpose registries (iana.org/assignments/iana-ipv4-special-registry and -ipv6-),
# kept as lists because what ipaddress calls global differs between versions of Python.
_SPECIAL_V4 = [
    ipaddress.IPv4Network(network)
    for network in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16"),
        *("172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24"),
        *("192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15"),
        *("198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
    )
]
_GLOBAL_V6 = ipaddress.IPv6Network("2000::/3")
_SPECIAL_V6 = [
    ipaddress.IPv6Network(network)
    for network in (
        *("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20"),
        "5f00::/16",
    )
]
# NAT64 (RFC 6052): on networks without IPv4 the public IPv4 internet is reached through it.
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
# Cloud metadata services answer anybody on the machine with its credentials.
_METADATA = {
    ipaddress.ip_address(address)
    for address in ("169.254.169.254", "100.100.100.200", "fd00:ec2::254")
}


@dataclass(frozen=True, slots=True)
class Target:
    """Where a request goes: ``path`` is the request target, with its query."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """The Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


def parse(url: str) -> Target:
    """Read an absolute http or https address; raises ``Refused`` for anything unclear."""
    if len(url) > MAX_URL_LENGTH or _UNSAFE.search(url):
        raise Refused("unsafe characters in the address")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise Refused("not an address") from None
    if parts.scheme not in _PORTS:
        raise Refused("neither http nor https")
    if "@" in parts.netloc:
        raise Refused("a login in the address")
    host = _host(parts.hostname or "", bracketed="[" in parts.netloc)
    if port == 0:
        raise Refused("port 0", host=host)
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~")
    query = quote(parts.query, safe="/?%:@!$&'()*+,;=~[]")
    target = f"{path}?{query}" if query else path
    return Target(parts.scheme, host, port or _PORTS[parts.scheme], target)


def check_payload(target: Target, allow: Iterable[str]) -> None:
    """Refuse what an address that came in a payload may not be.

    ``allow`` holds host names, ``*.example.com`` for every name below example.com.
    """
    if target.scheme != "https":
        raise Refused("not https", host=target.host)
    if target.port != 443:
        raise Refused("another port than 443", host=target.host)
    if not any(_matches(target.host, pattern.lower()) for pattern in allow):
        raise Refused("not on the list of allowed hosts", host=target.host)


def check_address(host: str, address: str, *, configured: bool) -> None:
    """Refuse an address that ``host`` resolved to when it may not be connected to."""
    found = ipaddress.ip_address(address)
    if not (_configurable(found) if configured else is_public(found)):
        raise Refused("it resolves to an address that is not allowed", host=host)


def is_public(address: Address) -> bool:
    """Tell whether an address belongs to the public internet and to nothing special in it."""
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in network for network in _SPECIAL_V4) and address not in _METADATA
    if address in _NAT64:
        return is_public(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    # IPv4-mapped and -compatible forms lie outside 2000::/3.
    return address in _GLOBAL_V6 and not any(address in network for network in _SPECIAL_V6)


def _configurable(address: Address) -> bool:
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return not (address.is_link_local or address.is_multicast or address in _METADATA)


def _host(host: str, *, bracketed: bool) -> str:
    if bracketed and "%" not in host:
        try:
            return str(ipaddress.IPv6Address(host))
        except ValueError:
            raise Refused("not an address") from None
    host = host.removesuffix(".")
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in host.split(".")):
        raise Refused("not a host name (write other scripts as xn--…)")
    return host


def _matches(host: str, pattern: str) -> bool:
    if pattern.startswith("*."):
        return host.endswith(pattern[1:]) and len(host) >= len(pattern)
    return host == pattern
