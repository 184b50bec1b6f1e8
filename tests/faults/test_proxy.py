"""The fault proxy, each mode seen from both ends."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Iterator

import psycopg
import pytest

from tests.faults.commits import CommitFinder
from tests.faults.proxy import Proxy
from tests.services.postgres import Postgres
from tests.services.process import Missing

PATIENCE_S = 5


class Echo:
    """A server that says everything again, and keeps what it heard."""

    def __init__(self) -> None:
        self.heard = bytearray()
        self.ended: list[str] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.address: tuple[str, int] = self._socket.getsockname()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                peer, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(peer,), daemon=True).start()

    def _talk(self, peer: socket.socket) -> None:
        with peer:
            try:
                while data := peer.recv(4096):
                    self.heard += data
                    peer.sendall(data)
                self.ended.append("end")
            except OSError:
                self.ended.append("reset")

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def echo() -> Iterator[Echo]:
    server = Echo()
    yield server
    server.close()


@pytest.fixture
def proxy(echo: Echo) -> Iterator[Proxy]:
    with Proxy(echo.address) as found:
        yield found


def connect(proxy: Proxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=PATIENCE_S)


def said(client: socket.socket, words: bytes) -> bytes:
    """Send it and return as many bytes as come back."""
    client.sendall(words)
    got = b""
    while len(got) < len(words) and (data := client.recv(4096)):
        got += data
    return got


def until(condition: object, what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


def test_it_passes_bytes_and_ends_both_ways(proxy: Proxy, echo: Echo) -> None:
    with connect(proxy) as client:
        assert said(client, b"x" * 300_000) == b"x" * 300_000
        client.shutdown(socket.SHUT_WR)
        assert client.recv(10) == b""
    until(lambda: echo.ended == ["end"], "the server hears the end")


def test_delay_is_added(proxy: Proxy) -> None:
    with connect(proxy) as client:
        said(client, b"warm")
        proxy.delay(0.1, 0.01)
        began = time.monotonic()
        assert said(client, b"slow") == b"slow"
        assert time.monotonic() - began > 0.12  # both ways


def test_a_black_hole_passes_nothing_until_it_heals(proxy: Proxy, echo: Echo) -> None:
    with connect(proxy) as old:
        said(old, b"before")
        proxy.blackhole()
        old.sendall(b"held")
        old.settimeout(0.3)
        with pytest.raises(TimeoutError):
            old.recv(10)
        with connect(proxy) as new:  # it is accepted
            new.sendall(b"new")
            new.settimeout(0.3)
            with pytest.raises(TimeoutError):
                new.recv(10)
            assert bytes(echo.heard) == b"before"
            proxy.heal()
            old.settimeout(PATIENCE_S)
            assert old.recv(10) == b"held"
            new.settimeout(PATIENCE_S)
            assert new.recv(10) == b"new"


def test_the_end_of_a_connection_does_not_pass_a_black_hole(proxy: Proxy, echo: Echo) -> None:
    client = connect(proxy)
    said(client, b"hi")
    proxy.blackhole()
    client.close()
    time.sleep(0.2)
    assert echo.ended == []
    proxy.heal()
    until(lambda: len(echo.ended) == 1, "the server hears the end")


def test_refusing_cuts_off_and_lets_nobody_in(proxy: Proxy, echo: Echo) -> None:
    with connect(proxy) as client:
        said(client, b"hi")
        proxy.refuse()
        with pytest.raises(ConnectionResetError):
            client.recv(10)
    with pytest.raises(ConnectionRefusedError):
        connect(proxy)
    until(lambda: echo.ended == ["reset"], "the server is cut off too")
    proxy.heal()
    with connect(proxy) as client:
        assert said(client, b"again") == b"again"


def test_resets_reach_the_open_and_the_new(proxy: Proxy, echo: Echo) -> None:
    with connect(proxy) as client:
        said(client, b"hi")
        proxy.reset()
        with pytest.raises(ConnectionResetError):
            client.recv(10)
    with pytest.raises(ConnectionResetError), connect(proxy) as client:
        client.recv(10)
    until(lambda: echo.ended == ["reset"], "the server is reset")
    assert bytes(echo.heard) == b"hi"


def test_reset_now_spares_what_comes_later(proxy: Proxy) -> None:
    with connect(proxy) as client:
        said(client, b"hi")
        assert proxy.reset_now() == 1
        with pytest.raises(ConnectionResetError):
            client.recv(10)
    with connect(proxy) as client:
        assert said(client, b"later") == b"later"


def test_slices_trickle(proxy: Proxy, echo: Echo) -> None:
    proxy.slice(1, 0.05)
    with connect(proxy) as client:
        began = time.monotonic()
        client.sendall(b"abcdefgh")
        assert client.recv(10) == b"a"
        until(lambda: bytes(echo.heard) == b"abcdefgh", "towards the server nothing is slow")
        got = b"a"
        while len(got) < 8:
            got += client.recv(10)
        assert got == b"abcdefgh"
        assert time.monotonic() - began > 0.3


def test_a_limit_ends_the_connection(proxy: Proxy) -> None:
    proxy.limit(5)
    with connect(proxy) as client:
        client.sendall(b"abcdefgh")
        got = b""
        while data := client.recv(10):
            got += data
        assert got == b"abcde"


def test_half_closed_the_client_hears_an_end_and_is_still_heard(proxy: Proxy, echo: Echo) -> None:
    with connect(proxy) as client:
        said(client, b"hi")
        proxy.half_close()
        assert client.recv(10) == b""
        client.sendall(b"still here")
        until(lambda: bytes(echo.heard) == b"histill here", "the server still hears")
        client.sendall(b", and on")  # its answer to this meets an end
        until(lambda: bytes(echo.heard) == b"histill here, and on", "the server still hears")


# ---- COMMIT ----


def packet(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!I", len(body) + 4) + body


STARTUP = struct.pack("!II", 16, 196608) + b"user\0a\0\0"
SSL = struct.pack("!II", 8, 80877103)


def test_commits_are_found_in_pieces_of_any_size() -> None:
    stream = SSL + STARTUP + packet(b"Q", b"BEGIN\0") + packet(b"Q", b"COMMIT\0")
    stream += packet(b"P", b"name\0COMMIT\0\0\0") + packet(b"Q", b"SELECT 'COMMIT'\0")
    for size in (1, 3, 7, len(stream)):
        finder = CommitFinder()
        pieces = [stream[i : i + size] for i in range(0, len(stream), size)]
        assert sum(finder.feed(piece) for piece in pieces) == 2


def test_another_protocol_has_no_commits() -> None:
    finder = CommitFinder()
    assert finder.feed(b"*1\r\n$6\r\nCOMMIT\r\n" + packet(b"Q", b"COMMIT\0")) == 0


@pytest.mark.postgres
def test_a_commit_is_done_and_its_answer_never_arrives() -> None:
    try:
        server = Postgres()
    except Missing as missing:
        pytest.skip(f"no PostgreSQL: {missing}")
    folder = server.server.folder
    try:
        with Proxy(folder / ".s.PGSQL.5432") as proxy:
            address = f"host=127.0.0.1 port={proxy.port} user=clawdbot dbname=postgres"
            with psycopg.connect(address) as connection:
                connection.execute("CREATE TABLE seen (n int)")
                connection.commit()
                proxy.cut_commits(1)
                connection.execute("INSERT INTO seen VALUES (1)")
                with pytest.raises(psycopg.OperationalError):
                    connection.commit()
            assert proxy.cuts_left == 0
            with psycopg.connect(address) as connection:
                assert connection.execute("SELECT n FROM seen").fetchall() == [(1,)]
    finally:
        server.stop()
