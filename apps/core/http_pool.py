"""Connections of the door out: resolved, checked, connected by the checked address, kept alive."""

from __future__ import annotations

import asyncio
import functools
import socket
import ssl
import time
from typing import NamedTuple

from apps.core.addresses import Target, check_address
from apps.core.http_errors import Unreachable
from apps.core.wire import Wire

CONNECT_TIMEOUT = 5.0
# Shorter than what servers keep: who reuses a connection in the moment in which it is closed
# cannot know whether the request was received.
IDLE_SECONDS = 15.0
MAX_IDLE = 32


class Key(NamedTuple):
    """Connections are shared only under the same name and the same rules."""

    scheme: str
    host: str
    port: int
    configured: bool


class Dial:
    """The way to the network; tests replace it by one that leads to a server of theirs."""

    async def resolve(self, host: str, port: int) -> list[str]:
        """Return the addresses of a name, best first; raises ``OSError``."""
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        return list(dict.fromkeys(str(entry[4][0]) for entry in found))

    async def connect(self, address: str, port: int, tls: ssl.SSLContext | None, host: str) -> Wire:
        """Connect to an address, with the certificate checked for ``host``."""
        _, wire = await asyncio.get_running_loop().create_connection(
            Wire, address, port, ssl=tls, server_hostname=host if tls else None
        )
        return wire


@functools.cache
def system_tls() -> ssl.SSLContext:
    """Certificates of the system, or those that SSL_CERT_FILE and SSL_CERT_DIR name."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


class Pool:
    """The connections of one event loop."""

    def __init__(self, dial: Dial, tls: ssl.SSLContext | None) -> None:
        self._dial = dial
        self._tls = tls
        self._idle: dict[Key, list[Wire]] = {}

    def idle(self, key: Key) -> Wire | None:
        """Return a kept-alive connection that still seems to be good."""
        now = time.monotonic()
        wires = self._idle.get(key, [])
        while wires:
            wire = wires.pop()
            if wire.open and now - wire.idle_since < IDLE_SECONDS:
                return wire
            wire.abort()
        return None

    def release(self, key: Key, wire: Wire) -> None:
        """Take a connection back; one that cannot be used again is closed."""
        wires = self._idle.setdefault(key, [])
        if wire.release():
            wires.append(wire)
        self._sweep()

    async def connect(self, target: Target, *, configured: bool) -> Wire:
        """Connect; raises ``Refused`` for an address against the rules, else ``Unreachable``."""
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                addresses = await self._addresses(target, configured=configured)
                return await self._first(target, addresses)
        except TimeoutError:
            raise Unreachable("no connection in time", host=target.host) from None

    def close(self) -> None:
        """Close what is idle."""
        for wires in self._idle.values():
            for wire in wires:
                wire.abort()
        self._idle.clear()

    async def _addresses(self, target: Target, *, configured: bool) -> list[str]:
        try:
            found = await self._dial.resolve(target.host, target.port)
        except (OSError, UnicodeError):
            found = []
        if not found:
            raise Unreachable("no such name", host=target.host)
        # All of them, not only the one that is used: a name with a private address among public
        # ones is an attack or a mistake.
        for address in found:
            check_address(target.host, address, configured=configured)
        return found

    async def _first(self, target: Target, addresses: list[str]) -> Wire:
        tls = (self._tls or system_tls()) if target.scheme == "https" else None
        reason = "connection refused"
        for number, address in enumerate(addresses):
            # A dead address must not use up the time of those after it.
            share = CONNECT_TIMEOUT / (len(addresses) - number + 1) if addresses[1:] else None
            try:
                async with asyncio.timeout(share):
                    return await self._dial.connect(address, target.port, tls, target.host)
            except ssl.SSLError as error:
                reason = f"TLS: {error.reason or type(error).__name__}"
            except OSError as error:
                reason = error.strerror or type(error).__name__
        raise Unreachable(reason, host=target.host)

    def _sweep(self) -> None:
        now = time.monotonic()
        for key, wires in list(self._idle.items()):
            kept = [w for w in wires if w.open and now - w.idle_since < IDLE_SECONDS]
            for wire in [*set(wires).difference(kept), *kept[:-MAX_IDLE]]:
                wire.abort()
            self._idle[key] = kept[-MAX_IDLE:]
            if not kept:
                del self._idle[key]
