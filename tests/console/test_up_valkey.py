"""The embedded Valkey under the supervisor, with its real program."""

from __future__ import annotations

import os
import signal
import socket
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from apps.console.supervisor import valkey
from apps.console.supervisor.home import prepare
from apps.console.supervisor.spec import Plan, Spec
from apps.console.supervisor.supervisor import Supervisor

ROOT = Path(__file__).resolve().parents[2]


def ask(path: Path, command: str) -> str:
    """One inline command of the Redis protocol."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(5)
        connection.connect(str(path))
        connection.sendall(f"{command}\r\n".encode())
        return connection.recv(4096).decode()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A prepared data folder."""
    prepare(tmp_path / "h")
    return tmp_path / "h"


@pytest.fixture
def start(home: Path) -> Iterator[Callable[[], Supervisor]]:
    """Start Valkey on this home; ends with the test."""
    made: list[Supervisor] = []
    path = home / "run" / "valkey.sock"

    def begin() -> Supervisor:
        argv = valkey.argv(valkey.program(), path, home / "valkey")
        told: list[str] = []
        one = Supervisor(
            Plan(home, ROOT, (Spec("valkey", argv, ready=f"socket:{path}"),)), told.append
        )
        one.told = told  # type: ignore[attr-defined]
        made.append(one)
        one.start()
        return one

    yield begin
    for one in made:
        one.stop()


def test_it_listens_on_a_private_socket_only_and_remembers(
    home: Path, start: Callable[[], Supervisor]
) -> None:
    path = home / "run" / "valkey.sock"
    one = start()
    assert stat.S_IMODE(path.stat().st_mode) == 0o700
    assert ask(path, "CONFIG GET port").split()[-1] == "0"
    assert ask(path, "CONFIG GET maxmemory-policy").split()[-1] == "noeviction"
    assert ask(path, "SET a 1").startswith("+OK")
    os.kill(one.children[0].pid, signal.SIGKILL)
    deadline = time.monotonic() + 15
    while not (one.step() or (one.children[0].starts == 2 and one.all_ready())):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert "1" in ask(path, "GET a")


def test_a_journal_cut_short_by_a_power_cut_is_read(
    home: Path, start: Callable[[], Supervisor]
) -> None:
    path = home / "run" / "valkey.sock"
    one = start()
    assert ask(path, "SET a 1").startswith("+OK")
    one.stop()
    journal = next((home / "valkey" / "appendonlydir").glob("*.incr.aof"))
    with journal.open("ab") as file:
        file.write(b"*3\r\n$3\r\nSET\r\n$1\r\nb")
    start()
    assert "1" in ask(path, "GET a")
    assert not list((home / "valkey").glob("damaged-*"))


def test_a_damaged_journal_is_put_aside_and_the_start_goes_on(
    home: Path, start: Callable[[], Supervisor]
) -> None:
    path = home / "run" / "valkey.sock"
    one = start()
    assert ask(path, "SET a 1").startswith("+OK")
    one.stop()
    journal = next((home / "valkey" / "appendonlydir").glob("*.incr.aof"))
    journal.write_bytes(b"\0" * 100 + journal.read_bytes())
    two = start()
    assert ask(path, "GET a").startswith("$-1")
    assert len(list((home / "valkey").glob("damaged-*"))) == 1
    assert any("journal was damaged" in line for line in two.told)  # type: ignore[attr-defined]


def test_without_a_program_it_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(valkey, "find_spec", lambda name: None)
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(valkey.NoServer, match="REDIS_URL"):
        valkey.program()
