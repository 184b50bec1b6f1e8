"""A small HTTP server for stand-ins: one thread, one loop, scripted faults, every call kept."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import formatdate
from http import HTTPStatus
from types import TracebackType
from typing import Any, Literal, Self
from urllib.parse import parse_qsl, urlsplit

MAX_BODY = 64 * 1024 * 1024
JSON = "application/json; charset=utf-8"
KEPT = 200  # answers that can be looked at


@dataclass(frozen=True)
class Call:
    """One request as it arrived."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    at: float = field(default_factory=time.monotonic)

    def json(self) -> Any:
        """The body as JSON; raises ValueError."""
        return json.loads(self.body)


@dataclass(frozen=True)
class Answer:
    """What is answered: JSON, or bytes as they are (with a content-type among the headers).

    `parts` instead of a body are sent one after the other, each after so many seconds; `cut` closes
    the connection after the last of them, in the middle of the answer.
    """

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    parts: Sequence[tuple[float, bytes]] = ()
    cut: bool = False


@dataclass
class Fault:
    """What goes wrong with the next `times` calls whose path holds `path`.

    `answer` answers that instead of what is due; `hang` never answers; `reset` closes the
    connection; `cut` sends half an answer. With `after` the work is done first, else not at all.
    """

    path: str
    kind: Literal["answer", "hang", "reset", "cut"]
    answer: Answer = field(default_factory=Answer)
    times: int = 1
    after: bool = False
    method: str = ""


class HttpStand:
    """Serves on loopback between `with` and its end; subclasses say what `respond` answers."""

    def __init__(self, port: int = 0) -> None:
        self.calls: list[Call] = []
        #: The newest calls with what was answered, and the fault that they met ("" for none).
        self.answered: deque[tuple[Call, Answer, str]] = deque(maxlen=KEPT)
        self.delay_s = 0.0  # between the work and the answer
        #: Callers that went away before they had their answer.
        self.gone = 0
        self.clock_off_s = 0.0  # what the answers' `Date` is ahead by
        self._faults: list[Fault] = []
        #: Asked for every call that no scripted fault is for: what goes wrong with this one?
        self.trouble: Callable[[Call], Fault | None] = lambda call: None
        self._port = port
        self._loop = asyncio.new_event_loop()
        self._server: asyncio.Server | None = None
        self._stopping = asyncio.Event()
        self._open: set[asyncio.StreamWriter] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._changed = threading.Condition()

    def respond(self, call: Call) -> Answer:
        """Do the work of one call, in the server's thread."""
        raise NotImplementedError

    @property
    def url(self) -> str:
        """The address, without a slash at its end."""
        return f"http://127.0.0.1:{self._port}"

    def fail(self, path: str, kind: str, answer: Answer | None = None, **options: Any) -> None:
        """Script a `Fault`."""
        self._faults.append(Fault(path, kind, answer or Answer(), **options))  # type: ignore[arg-type]

    def mend(self) -> None:
        """Forget the scripted faults that nobody met yet."""
        self._faults.clear()

    def wait(self, until: Callable[[], bool], timeout: float = 10.0) -> bool:
        """Wait until a condition on what arrived holds; False when the time ran out first."""
        with self._changed:
            return self._changed.wait_for(until, timeout)

    @property
    def quiet(self) -> threading.Condition:
        """`with stand.quiet:` no call is being answered meanwhile."""
        return self._changed

    def calls_to(self, path: str, method: str = "") -> list[Call]:
        """The calls whose path holds `path`."""
        return [c for c in self.calls if path in c.path and method in {"", c.method}]

    def start(self) -> None:
        """Listen; the port is in `url`."""
        self._thread.start()
        started = asyncio.run_coroutine_threadsafe(self._listen(), self._loop)
        started.result(10)

    def stop(self) -> None:
        """Close everything and end the thread."""
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def go_down(self) -> None:
        """Refuse connections, as a machine that is off, until `come_back`."""
        asyncio.run_coroutine_threadsafe(self._hang_up(), self._loop).result(10)

    def come_back(self) -> None:
        """Listen again at the same address."""
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]
        await self.listen_more()

    async def listen_more(self) -> None:
        """Listen elsewhere too (a socket of a stand that has one)."""

    async def hang_up_more(self) -> None:
        """End what `listen_more` began."""

    async def _hang_up(self) -> None:
        await self.hang_up_more()
        if self._server is not None:
            self._server.close()
        for writer in self._open:
            writer.transport.abort()

    async def _close(self) -> None:
        self._stopping.set()
        await self._hang_up()
        tasks = [t for t in asyncio.all_tasks() if t is not asyncio.current_task()]
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            while (call := await _read(reader)) is not None:
                if not await self._handle(call, reader, writer):
                    break
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the caller went away, which is its good right
        finally:
            self._open.discard(writer)
            writer.close()

    async def _handle(
        self, call: Call, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        """Answer one call; False when the connection is not to be used again."""
        fault = self._take_fault(call)
        with self._changed:
            self.calls.append(call)
            answer = self.respond(call) if fault is None or fault.after else Answer()
            if fault is not None and fault.kind == "answer":
                answer = fault.answer
            self.answered.append((call, answer, fault.kind if fault else ""))
            self._changed.notify_all()
        raw = _written(answer, time.time() + self.clock_off_s)
        await asyncio.sleep(self.delay_s)
        if self._is_gone(reader):
            return False
        if fault is None or fault.kind == "answer":
            writer.write(raw)
            await writer.drain()
            return not answer.parts or await self._send_parts(answer, reader, writer)
        if fault.kind == "hang":
            await self._stopping.wait()
            return False
        if fault.kind == "cut":
            writer.write(raw[: len(raw) // 2])
            await writer.drain()
        else:
            writer.transport.abort()
        return False

    async def _send_parts(
        self, answer: Answer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        for seconds, part in answer.parts:
            await asyncio.sleep(seconds)
            if self._is_gone(reader):
                return False
            writer.write(b"%x\r\n%b\r\n" % (len(part), part))
            await writer.drain()
        if answer.cut:
            return False
        writer.write(b"0\r\n\r\n")
        await writer.drain()
        return True

    def _is_gone(self, reader: asyncio.StreamReader) -> bool:
        if not reader.at_eof() and reader.exception() is None:
            return False
        with self._changed:
            self.gone += 1
            self._changed.notify_all()
        return True

    def _take_fault(self, call: Call) -> Fault | None:
        for fault in self._faults:
            if fault.path in call.path and fault.method in {"", call.method}:
                fault.times -= 1
                if fault.times == 0:
                    self._faults.remove(fault)
                return fault
        return self.trouble(call)


async def _read(reader: asyncio.StreamReader) -> Call | None:
    line = await reader.readline()
    if not line:
        return None
    method, target, _ = line.decode("latin-1").split(" ", 2)
    headers: dict[str, str] = {}
    while (line := await reader.readline()) not in {b"\r\n", b""}:
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.strip().lower()] = value.strip()
    assert "transfer-encoding" not in headers, "the stand wants a content-length"
    length = int(headers.get("content-length", "0"))
    assert length <= MAX_BODY
    body = await reader.readexactly(length)
    parts = urlsplit(target)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    return Call(method, parts.path, query, headers, body)


def _written(answer: Answer, now: float) -> bytes:
    body = answer.body
    if not isinstance(body, bytes):
        body = b"" if body is None else json.dumps(body, ensure_ascii=False).encode()
    own = {"date": formatdate(now, usegmt=True), "content-type": JSON}
    headers = own | {name.lower(): value for name, value in answer.headers.items()}
    lines = [f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    lines += ["transfer-encoding: chunked" if answer.parts else f"content-length: {len(body)}"]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body
