"""The door out for WebSockets: the same rules about addresses as for HTTP, and an ear for silence.

A connection that an administrator's settings name may lead anywhere that HTTP may; one whose
address came in a payload needs wss, an allowed host and a public address.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket as sockets
from collections.abc import AsyncIterator, Collection, Mapping

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from apps.core import addresses
from apps.core.addresses import Target
from apps.core.http_errors import Unknown, Unreachable
from apps.core.http_pool import Dial

OPEN_S = 10.0
#: A frame of the largest event that a platform pushes, with room.
MAX_FRAME = 4 * 1024 * 1024
_SCHEMES = {"ws": "http", "wss": "https"}


class Socket:
    """An open WebSocket; every error is one of the door's."""

    def __init__(self, connection: ClientConnection, host: str, silence_s: float) -> None:
        self._connection = connection
        self._host = host
        self._silence_s = silence_s

    async def send(self, data: str | bytes) -> None:
        """Send one frame; raises ``Unknown`` when the connection is over."""
        try:
            await self._connection.send(data)
        except ConnectionClosed as error:
            raise Unknown(f"closed: {error}", host=self._host) from error

    async def recv(self) -> str | bytes:
        """The next frame.

        Raises ``Unknown`` when the connection is over, ``TimeoutError`` when nothing at all came
        for as long as a live one may be silent.
        """
        try:
            async with asyncio.timeout(self._silence_s):
                return await self._connection.recv()
        except ConnectionClosed as error:
            raise Unknown(f"closed: {error}", host=self._host) from error

    async def close(self) -> None:
        """Say goodbye."""
        await self._connection.close()


@contextlib.asynccontextmanager
async def opened(
    url: str,
    *,
    configured: Collection[str] = (),
    allow: Collection[str] = (),
    headers: Mapping[str, str] | None = None,
    silence_s: float = 90.0,
    dial: Dial | None = None,
) -> AsyncIterator[Socket]:
    """Open ``url`` (ws or wss) and close it at the end of the block.

    ``configured`` are the hosts that an administrator chose, on any port; ``allow`` is the list
    of hosts that any other address must be on.
    Raises ``Refused`` (never sent), ``Unreachable`` when it does not open.
    """
    scheme, _, rest = url.partition("://")
    target = addresses.parse(f"{_SCHEMES.get(scheme, scheme)}://{rest}")
    ours = target.host in configured
    if not ours:
        addresses.check_payload(target, allow)
    sock = await _connected(target, dial or Dial(), ours)
    try:
        connection = await connect(
            url,
            sock=sock,
            server_hostname=target.host if scheme == "wss" else None,
            additional_headers=dict(headers or {}),
            open_timeout=OPEN_S,
            close_timeout=2,
            max_size=MAX_FRAME,
            proxy=None,
        )
    except (OSError, TimeoutError, WebSocketException) as error:
        sock.close()
        raise Unreachable(f"no WebSocket: {error}", host=target.host) from error
    except ValueError:
        # A redirect, which is an answer like any other here; its address may hold a ticket.
        sock.close()
        raise Unreachable("no WebSocket: redirected", host=target.host) from None
    try:
        yield Socket(connection, target.host, silence_s)
    except BaseException:
        connection.transport.abort()  # who is silent or gone answers no goodbye either
        raise
    await connection.close()


async def _connected(target: Target, dial: Dial, configured: bool) -> sockets.socket:
    """A TCP connection to the address that was checked."""
    try:
        found = await dial.resolve(target.host, target.port)
    except OSError as error:
        raise Unreachable("the name does not resolve", host=target.host) from error
    for address in found:
        addresses.check_address(target.host, address, configured=configured)
    failed: OSError | TimeoutError = OSError("no address")
    for address in found:
        family = sockets.AF_INET6 if ":" in address else sockets.AF_INET
        sock = sockets.socket(family, sockets.SOCK_STREAM)
        sock.setblocking(False)
        try:
            async with asyncio.timeout(OPEN_S):
                await asyncio.get_running_loop().sock_connect(sock, (address, target.port))
        except (OSError, TimeoutError) as error:
            sock.close()
            failed = error
        else:
            return sock
    raise Unreachable(str(failed) or "too slow", host=target.host) from failed
