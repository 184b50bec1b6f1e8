"""No test reaches beyond this machine: sockets go to loopback or a unix path, or the test fails.

An audit hook sees every connection that Python itself makes, whatever library asked for it.
"""

from __future__ import annotations

import ipaddress
import socket
import sys
from typing import Any

CONNECTS = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})
LOOKUPS = frozenset({"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyname_ex"})


class NetworkUsed(Exception):
    """A test wanted to leave this machine."""

    def __init__(self, what: str) -> None:
        super().__init__(f"tests stay on this machine, but something wanted {what}")


def guard() -> None:
    """Watch this process from now on; a hook cannot be taken away again."""
    sys.addaudithook(_judge)


def _judge(event: str, args: tuple[Any, ...]) -> None:
    if CONNECTS is None:  # the interpreter ends and has forgotten this module
        return
    if event in CONNECTS:
        family, address = args[0].family, args[1]
        if family in (socket.AF_INET, socket.AF_INET6) and address and not is_local(address[0]):
            raise NetworkUsed(f"to connect to {address[0]}:{address[1]}")
    elif event in LOOKUPS and _asks_a_server(args[0]):
        if _text(args[0]).endswith(".invalid"):
            # RFC 6761: no such name exists, and every name server says so.
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        raise NetworkUsed(f"the address of {args[0]!r}")


def _asks_a_server(host: str | bytes | None) -> bool:
    """Does finding this address need a name server?"""
    if is_local(host):
        return False
    try:
        ipaddress.ip_address(_text(host))
    except ValueError:
        return True
    return False


def _text(host: str | bytes | None) -> str:
    name = host.decode() if isinstance(host, bytes) else host or ""
    return name.partition("%")[0]


def is_local(host: str | bytes | None) -> bool:
    """Does this name or address mean this machine?"""
    if not host:
        return True
    name = _text(host)
    if name == "localhost" or name.endswith(".localhost") or name == socket.gethostname():
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified
