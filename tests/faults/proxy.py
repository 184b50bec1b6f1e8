"""A TCP proxy that fails on purpose, before a database, a broker or a platform's API.

It runs on a loop in a thread of its own, so that a test which waits stalls nothing. A mode counts
for new connections and for those that are open.
"""

from __future__ import annotations

import asyncio
import random
import socket
import struct
import threading
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, TypeVar

from tests.faults.commits import CommitFinder

Upstream = tuple[str, int] | Path
Result = TypeVar("Result")
Side = Literal["up", "down"]  # towards the server, towards the client
NO_LINGER = struct.pack("ii", 1, 0)  # close with RST
CHUNK = 65536


@dataclass(frozen=True)
class Mode:
    """What happens to the bytes; `Proxy` has one method for each kind."""

    kind: str = "pass"
    latency_s: float = 0.0
    jitter_s: float = 0.0
    piece: int = 0
    pause_s: float = 0.0
    limit: int = 0


PASS = Mode()


class Proxy:
    """Listens on a loopback port between `start` and `stop`."""

    def __init__(self, upstream: Upstream) -> None:
        self.upstream = upstream
        self.port = 0
        self.mode = PASS
        self.accepted = 0
        self.cuts_left = 0  # COMMITs whose answer is still to be cut off
        self.cut_every = 1
        self.commits = 0
        self.recording: bytearray | None = None  # what went towards the server
        self._links: set[Link] = set()
        self._server: asyncio.Server | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._changed = asyncio.Event()

    # ---- its life ----

    def start(self) -> Self:
        """Listen; the port is in `port`."""
        self._thread.start()
        self._do(self._listen())
        return self

    def stop(self) -> None:
        """Close everything."""
        self._do(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The address for HTTP, without a slash at its end."""
        return f"http://127.0.0.1:{self.port}"

    # ---- its modes ----

    def heal(self) -> None:
        """Pass everything, also what was held back."""
        self.cuts_left = 0
        self._do(self._set(PASS))

    def delay(self, latency_s: float, jitter_s: float = 0.0) -> None:
        """Every piece arrives late."""
        self._do(self._set(Mode("delay", latency_s=latency_s, jitter_s=jitter_s)))

    def blackhole(self) -> None:
        """Accept connections, pass no byte and no end of a connection, until healed."""
        self._do(self._set(Mode("blackhole")))

    def refuse(self) -> None:
        """Nobody listens; who was connected is cut off."""
        self._do(self._set(Mode("refuse")))

    def reset(self) -> None:
        """Connections are reset: those that are open now, new ones as soon as they are made."""
        self._do(self._set(Mode("reset")))

    def slice(self, piece: int, pause_s: float) -> None:
        """Bytes towards the client trickle, so many at a time."""
        self._do(self._set(Mode("slice", piece=piece, pause_s=pause_s)))

    def limit(self, size: int) -> None:
        """Each connection ends after so many bytes towards the client."""
        self._do(self._set(Mode("limit", limit=size)))

    def half_close(self) -> None:
        """The server's side ends after the first bytes; the client's stays open."""
        self._do(self._set(Mode("half-close")))

    def cut_commits(self, times: int, every: int = 1) -> None:
        """PostgreSQL: of `every` COMMITs one is done by the server and its answer cut off."""
        self.cut_every = every
        self.cuts_left = times

    def reset_now(self) -> int:
        """Reset what is open now and nothing later; returns how many."""
        return self._do(self._reset_all())

    # ---- inside ----

    def _do(self, work: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(15)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
        await self._reset_all()
        tasks = [t for t in asyncio.all_tasks() if t is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _set(self, mode: Mode) -> None:
        self.mode = mode
        self._changed.set()
        self._changed = asyncio.Event()
        if mode.kind in {"refuse", "reset"}:
            await self._reset_all()
        if mode.kind == "half-close":
            for link in self._links:
                link.end_down()
        if mode.kind == "refuse" and self._server is not None:
            self._server.close()
            self._server = None
        elif mode.kind != "refuse" and self._server is None:
            await self._listen()

    async def _reset_all(self) -> int:
        found = list(self._links)
        for link in found:
            link.reset()
        return len(found)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        link = Link(self, reader, writer)
        self._links.add(link)
        try:
            await link.run()
        except (OSError, asyncio.CancelledError):
            link.reset()  # one side went away, the server takes no connections, or we end
        finally:
            self._links.discard(link)

    async def held(self) -> None:
        """Wait while nothing passes."""
        while self.mode.kind == "blackhole":
            await self._changed.wait()

    async def pause(self, seconds: float) -> None:
        """Wait, but not beyond a change of mode."""
        try:
            await asyncio.wait_for(self._changed.wait(), seconds)
        except TimeoutError:
            return


class Link:
    """One connection through the proxy."""

    def __init__(
        self, proxy: Proxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._proxy = proxy
        self._client, self._to_client = reader, writer
        self._to_server: asyncio.StreamWriter | None = None
        self._finder = CommitFinder()
        self._cutting = False
        self._half = False
        self._down = 0

    async def run(self) -> None:
        """Pass bytes until both sides have ended."""
        proxy = self._proxy
        await proxy.held()
        if proxy.mode.kind == "reset":
            self.reset()
            return
        if isinstance(proxy.upstream, Path):
            opened = asyncio.open_unix_connection(str(proxy.upstream))
        else:
            opened = asyncio.open_connection(*proxy.upstream)
        server, self._to_server = await opened
        await asyncio.gather(
            self._pump("up", self._client, self._to_server),
            self._pump("down", server, self._to_client),
        )
        for writer in (self._to_client, self._to_server):
            writer.close()

    async def _pump(
        self, side: Side, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            while data := await reader.read(CHUNK):
                if not await self._pass(side, data, writer):
                    return
            await self._proxy.held()
            if side == "down":
                self.end_down()
            elif not writer.is_closing():
                writer.write_eof()
        except OSError:
            await self._proxy.held()  # nobody hears of a broken end through a black hole
            self.reset()

    async def _pass(self, side: Side, data: bytes, writer: asyncio.StreamWriter) -> bool:
        """Hand one piece on; False when this side is over."""
        proxy = self._proxy
        await proxy.held()
        mode = proxy.mode
        if side == "up":
            self._look(data)
        elif self._cutting:
            self.reset()
            return False
        elif self._half:
            return True  # the client was told that nothing more comes
        if mode.kind == "delay":
            await asyncio.sleep(max(0.0, random.gauss(mode.latency_s, mode.jitter_s)))
        if mode.kind == "slice" and side == "down":
            return await self._trickle(data, writer)
        if mode.kind == "limit" and side == "down":
            data = data[: max(0, mode.limit - self._down)]
        self._down += len(data) if side == "down" else 0
        writer.write(data)
        await writer.drain()
        if mode.kind == "limit" and self._down >= mode.limit:
            self.reset(gently=True)
            return False
        if mode.kind == "half-close" and side == "down":
            self.end_down()
        return True

    async def _trickle(self, data: bytes, writer: asyncio.StreamWriter) -> bool:
        while data:
            mode = self._proxy.mode
            size = mode.piece if mode.kind == "slice" else len(data)
            writer.write(data[:size])
            await writer.drain()
            data = data[size:]
            if data:
                await self._proxy.pause(mode.pause_s)
        return True

    def _look(self, data: bytes) -> None:
        proxy = self._proxy
        if proxy.recording is not None:
            proxy.recording += data
        for _ in range(self._finder.feed(data)):
            proxy.commits += 1
            if proxy.cuts_left > 0 and proxy.commits % proxy.cut_every == 0:
                proxy.cuts_left -= 1
                self._cutting = True

    def end_down(self) -> None:
        """Tell the client that nothing more comes."""
        if not self._half and not self._to_client.is_closing():
            self._half = True
            self._to_client.write_eof()

    def reset(self, *, gently: bool = False) -> None:
        """End both sides at once, with RST unless `gently`."""
        for writer in (self._to_client, self._to_server):
            if writer is None or writer.transport.is_closing():
                continue
            if gently:
                writer.close()
                continue
            found = writer.get_extra_info("socket")
            if found is not None and found.family == socket.AF_INET:
                found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
            writer.transport.abort()
