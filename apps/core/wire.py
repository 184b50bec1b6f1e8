"""One HTTP/1.1 connection of the door out, on asyncio with the C parser of httptools.

A general client spends more on one small request than all the rest of a message costs here; this
one does what the door needs: one exchange at a time, known lengths, bounded answers.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import cast

import httptools

from apps.core.http_errors import HttpError, TooLarge, Unknown

MAX_HEAD = 64 * 1024
# A streamed answer that nobody reads stops the connection at this many waiting bytes.
HIGH_WATER = 256 * 1024


class Exchange:
    """One answer as it comes in; its methods ``on_…`` are called by the parser."""

    def __init__(
        self, wire: Wire, host: str, *, head_only: bool, streamed: bool, max_bytes: int
    ) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.complete = False
        self.keep = False
        self.error: HttpError | None = None
        self._wire = wire
        self._host = host
        self._head_only = head_only
        self._streamed = streamed
        self._max_bytes = max_bytes
        self._parser = httptools.HttpResponseParser(self)
        self._head_done = False
        self._received = 0
        self._size = 0
        self._chunks: deque[bytes] = deque()
        self._waiting = 0
        self._waiter: asyncio.Future[None] | None = None

    @property
    def untouched(self) -> bool:
        """True while no byte of the answer has come."""
        return self._received == 0

    async def head(self) -> None:
        """Wait for the status and the headers; raises ``Unknown``."""
        while not self._head_done and self.error is None:
            await self._news()
        if self.error is not None:
            raise self.error

    async def body(self) -> bytes:
        """Wait for the whole answer; raises ``Unknown`` or ``TooLarge``."""
        while not self.complete and self.error is None:
            await self._news()
        if self.error is not None:
            raise self.error
        return b"".join(self._chunks)

    async def chunk(self) -> bytes:
        """Wait for the next piece of the body; empty at its end."""
        while not self._chunks and not self.complete and self.error is None:
            await self._news()
        if self._chunks:
            piece = self._chunks.popleft()
            self._waiting -= len(piece)
            if self._waiting < HIGH_WATER // 2:
                self._wire.resume()
            return piece
        if self.error is not None:
            raise self.error
        return b""

    def feed(self, data: bytes) -> None:
        """Take what came in from the connection."""
        if self.error is not None:
            return
        self._received += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self.fail(Unknown("not a proper HTTP answer", host=self._host))
        if not self._head_done and self._received > MAX_HEAD:
            self.fail(Unknown("too long headers", host=self._host))
        if self._streamed and self._waiting > HIGH_WATER:
            self._wire.pause()
        self._wake()

    def end(self) -> None:
        """The other side closed: the end of an answer without a length, else a broken one."""
        lengthless = not self.headers.keys() & {"content-length", "transfer-encoding"}
        if self._head_done and not self.complete and lengthless:
            self.complete = True
            self._wake()
        else:
            self.fail(Unknown("it closed the connection", host=self._host))

    def broken(self) -> None:
        """The connection was reset."""
        self.fail(Unknown("it reset the connection", host=self._host))

    def fail(self, error: HttpError) -> None:
        """End the exchange with an error, unless it is complete."""
        if not self.complete and self.error is None:
            self.error = error
            self._wire.abort()
        self._wake()

    def on_message_begin(self) -> None:
        """Called by the parser; a second answer was not asked for."""
        if self.complete:
            self.keep = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """Called by the parser."""
        if self.complete:
            return
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        if key in self.headers:
            text = f"{self.headers[key]}, {text}"
        self.headers[key] = text

    def on_headers_complete(self) -> None:
        """Called by the parser, also for interim answers."""
        if self.complete:
            return
        self.status = self._parser.get_status_code()
        if self.status < 200:
            self.headers = {}
            return
        self._head_done = True
        if self._head_only:
            self.complete = True

    def on_body(self, data: bytes) -> None:
        """Called by the parser."""
        if self.complete:
            return
        self._size += len(data)
        if self._size > self._max_bytes:
            self.fail(TooLarge(f"more than {self._max_bytes} bytes", host=self._host))
            return
        self._chunks.append(data)
        self._waiting += len(data)

    def on_message_complete(self) -> None:
        """Called by the parser, also for interim answers."""
        if self._head_done and not self.complete:
            self.complete = True
            self.keep = self._parser.should_keep_alive()

    async def _news(self) -> None:
        self._waiter = asyncio.get_running_loop().create_future()
        await self._waiter

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class Wire(asyncio.Protocol):
    """One connection, new or kept alive."""

    def __init__(self) -> None:
        self.idle_since = 0.0
        self._transport: asyncio.Transport | None = None
        self._exchange: Exchange | None = None
        self._paused = False

    @property
    def open(self) -> bool:
        """True while nothing says that the other side has gone."""
        return self._transport is not None and not self._transport.is_closing()

    def send(
        self, data: bytes, host: str, *, head_only: bool, streamed: bool, max_bytes: int
    ) -> Exchange:
        """Write a request and return the exchange whose answer may be awaited."""
        self._exchange = exchange = Exchange(
            self, host, head_only=head_only, streamed=streamed, max_bytes=max_bytes
        )
        if self._transport is not None and self.open:
            self._transport.write(data)
        else:
            exchange.end()
        return exchange

    def release(self) -> bool:
        """End the exchange; True when the connection may carry another one."""
        exchange, self._exchange = self._exchange, None
        reusable = exchange is not None and exchange.complete and exchange.keep and self.open
        if reusable:
            self.resume()
            self.idle_since = time.monotonic()
        else:
            self.abort()
        return reusable

    def abort(self) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.abort()

    def pause(self) -> None:
        """Stop reading until ``resume``."""
        if self._transport is not None and not self._paused and self.open:
            self._paused = True
            self._transport.pause_reading()

    def resume(self) -> None:
        """Read on."""
        if self._transport is not None and self._paused and self.open:
            self._paused = False
            self._transport.resume_reading()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by asyncio."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Called by asyncio. An answer that nobody asked for makes the connection worthless."""
        if self._exchange is None:
            self.abort()
        else:
            self._exchange.feed(data)

    def eof_received(self) -> None:
        """Called by asyncio; the transport closes itself afterwards."""
        if self._exchange is not None:
            self._exchange.end()

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by asyncio."""
        if self._exchange is not None and exc is not None:
            self._exchange.broken()
        elif self._exchange is not None:
            self._exchange.end()
