"""The one door out: every HTTP request of the house leaves here.

Each call has one deadline for everything (a server that drips a byte a second does not hold us),
answers are bounded, redirects are answers like any other, and no proxy is taken from the
environment. Errors tell whether the other side can have received the request.

Two classes of address: those that an administrator configured may be private; those that came in
a payload need https, an allow-list and a public address, and the address that was checked is the
one that is connected to.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Self, TypedDict, Unpack
from urllib.parse import urlencode
from weakref import WeakKeyDictionary

from apps.core import addresses, http_request, strictjson
from apps.core.addresses import Target
from apps.core.http_errors import HttpError, Refused, TooLarge, Unknown, Unreachable
from apps.core.http_pool import Dial, Key, Pool
from apps.core.http_request import File
from apps.core.loop import outside
from apps.core.wire import Exchange, Wire

__all__ = [
    "Door",
    "File",
    "HttpError",
    "Options",
    "Refused",
    "Response",
    "Streaming",
    "SyncDoor",
    "TooLarge",
    "Unknown",
    "Unreachable",
    "door",
    "sync_door",
]

TIMEOUT = 10.0
MAX_BYTES = 2 * 1024 * 1024


class Options(TypedDict, total=False):
    """What a request may be given besides its address; the body is one of the first four."""

    json: Any
    data: Mapping[str, str] | None
    files: Mapping[str, File] | None
    body: bytes | None
    headers: Mapping[str, str] | None
    params: Mapping[str, str] | None
    #: Hosts (``api.example.com``, ``*.example.com``) that an address from a payload may have.
    allow: Collection[str]
    #: Seconds for everything together, 10 by default.
    timeout: float
    #: Of the body after decoding, 2 MiB by default.
    max_bytes: int
    #: Arriving twice does no harm: a kept-alive connection that turns out to be dead is replaced
    #: and the request sent once more. By default true of GET and HEAD.
    repeatable: bool


@dataclass(frozen=True, slots=True)
class Response:
    """A full answer of any status; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    #: It came over a connection that was made for it: none was kept, or that one had ended.
    fresh: bool = False

    @property
    def ok(self) -> bool:
        """True for 2xx."""
        return 200 <= self.status < 300

    @property
    def text(self) -> str:
        """The body as UTF-8, with replacement characters where it is none."""
        return self.body.decode(errors="replace")

    def json(self) -> Any:
        """The body as strict JSON; raises ``MalformedJson``."""
        return strictjson.loads(self.body)


class Streaming:
    """An answer whose body comes in pieces."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self.status = exchange.status
        self.headers: Mapping[str, str] = exchange.headers

    async def chunks(self) -> AsyncIterator[bytes]:
        """Give the body as it comes; raises ``Unknown`` when it breaks off."""
        while piece := await self._exchange.chunk():
            yield piece


class Door:
    """A client with kept-alive connections, for any event loop."""

    def __init__(self, *, dial: Dial | None = None, tls: ssl.SSLContext | None = None) -> None:
        """``dial`` and ``tls`` replace the network and the trusted certificates, for tests."""
        self._dial = dial or Dial()
        self._tls = tls
        self._pools: WeakKeyDictionary[asyncio.AbstractEventLoop, Pool] = WeakKeyDictionary()

    async def request(
        self, method: str, url: str, *, configured: bool, **options: Unpack[Options]
    ) -> Response:
        """Send one request and return the whole answer, whatever its status.

        ``configured`` says who chose the address: True for an administrator, False when it came
        in a payload.

        Raises ``Refused`` (never sent), ``Unreachable`` (certainly not received), ``Unknown`` or
        ``TooLarge`` (may have been received).
        """
        async with self._call(method, url, configured, options, streamed=False) as call:
            exchange = await call.answered()
            body = await exchange.body()
            body = http_request.decoded(exchange.headers, body, call.max_bytes, call.key.host)
            return Response(exchange.status, exchange.headers, body, call.fresh)

    async def get(self, url: str, *, configured: bool, **options: Unpack[Options]) -> Response:
        """``request("GET", …)``."""
        return await self.request("GET", url, configured=configured, **options)

    async def post(self, url: str, *, configured: bool, **options: Unpack[Options]) -> Response:
        """``request("POST", …)``."""
        return await self.request("POST", url, configured=configured, **options)

    @contextlib.asynccontextmanager
    async def stream(
        self, method: str, url: str, *, configured: bool, **options: Unpack[Options]
    ) -> AsyncIterator[Streaming]:
        """Like ``request`` for answers that are read as they come; the deadline covers the block.

        Content codings are not undone.
        """
        async with self._call(method, url, configured, options, streamed=True) as call:
            yield Streaming(await call.answered())

    def apart(self) -> Door:
        """A door of the same kind that shares no connections with this one."""
        return Door(dial=self._dial, tls=self._tls)

    async def aclose(self) -> None:
        """Close the idle connections of this loop."""
        pool = self._pools.pop(asyncio.get_running_loop(), None)
        if pool is not None:
            pool.close()

    def _call(
        self, method: str, url: str, configured: bool, options: Options, *, streamed: bool
    ) -> _Call:
        if unknown := options.keys() - Options.__annotations__.keys():
            raise TypeError(f"no such option of a request: {sorted(unknown)}")
        target = _target(url, options.get("params"))
        if not configured:
            addresses.check_payload(target, options.get("allow", ()))
        body, content_type = http_request.encoded(
            json=options.get("json"),
            data=options.get("data"),
            files=options.get("files"),
            body=options.get("body"),
        )
        headers = options.get("headers") or {}
        return _Call(
            pool=self._pool(),
            target=target,
            key=Key(target.scheme, target.host, target.port, configured),
            raw=http_request.serialized(method, target, headers, body, content_type),
            head_only=method == "HEAD",
            streamed=streamed,
            timeout=options.get("timeout", TIMEOUT),
            max_bytes=options.get("max_bytes", MAX_BYTES),
            repeatable=options.get("repeatable", method in {"GET", "HEAD"}),
        )

    def _pool(self) -> Pool:
        loop = asyncio.get_running_loop()
        pool = self._pools.get(loop)
        if pool is None:
            pool = self._pools[loop] = Pool(self._dial, self._tls)
        return pool


class _Call:
    """One request under its deadline; leaving the block gives the connection back."""

    def __init__(
        self,
        *,
        pool: Pool,
        target: Target,
        key: Key,
        raw: bytes,
        head_only: bool,
        streamed: bool,
        timeout: float,
        max_bytes: int,
        repeatable: bool,
    ) -> None:
        self.key = key
        self.max_bytes = max_bytes
        self.fresh = False
        self._pool = pool
        self._target = target
        self._raw = raw
        self._head_only = head_only
        self._streamed = streamed
        self._seconds = timeout
        self._deadline = asyncio.timeout(timeout)
        self._repeatable = repeatable
        self._wire: Wire | None = None
        self._sent = False

    async def __aenter__(self) -> Self:
        await self._deadline.__aenter__()
        return self

    async def __aexit__(self, *raised: Any) -> None:
        self._give_back()
        try:
            await self._deadline.__aexit__(*raised)
        except TimeoutError:
            if self._sent:
                raise Unknown(
                    f"no full answer in {self._seconds:g} s", host=self.key.host
                ) from None
            raise Unreachable("no connection in time", host=self.key.host) from None

    async def answered(self) -> Exchange:
        """Send, and return when the status and the headers have come."""
        wire = self._pool.idle(self.key)
        exchange = self._send(wire or await self._connect())
        try:
            await exchange.head()
        except Unknown as first:
            if wire is None or not self._repeatable or not exchange.untouched:
                raise
            self._give_back()
            exchange = self._send(await self._reconnect(first))
            await exchange.head()
        return exchange

    async def _reconnect(self, first: Unknown) -> Wire:
        try:
            return await self._connect()
        except HttpError:
            # "Not received" would be true of the second try only.
            raise first from None

    async def _connect(self) -> Wire:
        self.fresh = True
        return await self._pool.connect(self._target, configured=self.key.configured)

    def _send(self, wire: Wire) -> Exchange:
        self._wire = wire
        self._sent = True
        return wire.send(
            self._raw,
            self.key.host,
            head_only=self._head_only,
            streamed=self._streamed,
            max_bytes=self.max_bytes,
        )

    def _give_back(self) -> None:
        if self._wire is not None:
            self._pool.release(self.key, self._wire)
            self._wire = None


class SyncDoor:
    """The same door for synchronous code: the calls run on the process's one loop thread."""

    def __init__(self, door: Door) -> None:
        self._door = door

    def request(
        self, method: str, url: str, *, configured: bool, **options: Unpack[Options]
    ) -> Response:
        """``Door.request``; raises ``RuntimeError`` when called from an event loop."""
        if _in_loop():
            raise RuntimeError("an event loop must not wait here; await the door itself")
        work = self._door.request(method, url, configured=configured, **options)
        future = outside.submit(work)
        try:
            return future.result()
        finally:
            # A time limit of the caller may have ended the wait: then the call ends too.
            future.cancel()

    def get(self, url: str, *, configured: bool, **options: Unpack[Options]) -> Response:
        """``request("GET", …)``."""
        return self.request("GET", url, configured=configured, **options)

    def post(self, url: str, *, configured: bool, **options: Unpack[Options]) -> Response:
        """``request("POST", …)``."""
        return self.request("POST", url, configured=configured, **options)


def _in_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _target(url: str, params: Mapping[str, str] | None) -> Target:
    target = addresses.parse(url)
    if not params:
        return target
    joint = "&" if "?" in target.path else "?"
    path = target.path + joint + urlencode(params)
    return Target(target.scheme, target.host, target.port, path)


door = Door()
sync_door = SyncDoor(door)
