"""`manage.py up` as a newcomer meets it: the real processes, killed and stopped in every way."""

from __future__ import annotations

import base64
import contextlib
import os
import re
import signal
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from apps.console.supervisor import flower
from apps.core.private import private_folder
from tests.console.stack import Stack, alive, wait_for

pytestmark = pytest.mark.stack
ROLES = {"valkey", "web", "worker-io", "worker-jobs", "beat", "flower"}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A running installation, the same for the tests of this module that leave it running."""
    found = Stack(tmp_path_factory.mktemp("up") / "home")
    found.up()
    yield found
    found.end()


def test_first_start_ends_with_everything_one_needs(stack: Stack) -> None:
    assert set(stack.pids()) == ROLES
    assert all(alive(pid) for pid in stack.pids().values())
    wait_for(stack.ready, 20, "readiness")
    link = re.search(rf"^Sign in: http://127\.0\.0\.1:{stack.port}(/\S+)$", stack.output, re.M)
    assert link is not None
    assert stack.get(link[1]) == 200
    assert re.search(r"^Next: .*manage\.py say \"/ping\"$", stack.output, re.M)
    modes = {p: stat.S_IMODE(p.stat().st_mode) for p in stack.home.rglob("*")}
    assert {p for p, mode in modes.items() if mode & 0o077} == set()
    said = stack.run("say", "/ping")
    assert (said.returncode, said.stdout.strip()) == (0, "pong")


def test_flower_asks_for_a_secret_that_no_command_line_shows(stack: Stack) -> None:
    name, password = flower.credentials(stack.home)
    assert stack.get("/flower/", stack.flower_port) == 401
    token = base64.b64encode(f"{name}:{password}".encode()).decode()
    shown = [" ".join(psutil.Process(pid).cmdline()) for pid in stack.family()]
    assert not any(password in line or token in line for line in shown)
    opened = stack.get("/flower/workers", stack.flower_port, Authorization=f"Basic {token}")
    assert opened == 200


@pytest.mark.skipif(os.uname().sysname != "Linux", reason="only Linux forks and knows PSS")
def test_the_children_share_their_memory_and_show_their_roles(stack: Stack) -> None:
    family = [psutil.Process(pid) for pid in stack.family()]
    assert sum(process.memory_full_info().pss for process in family) < 400 * 2**20
    titles = {role: " ".join(psutil.Process(pid).cmdline()) for role, pid in stack.pids().items()}
    assert "valkey-server" in titles.pop("valkey")
    assert {role: title.strip() for role, title in titles.items()} == {
        role: f"clawdbot: {role}" for role in titles
    }
    # What forks have from their parent alone would keep the lock, or read its connections.
    held = {path for pid in stack.pids().values() for path in open_files(pid)}
    assert str(stack.home / "run" / "lock") not in held


def open_files(pid: int) -> Iterator[str]:
    """The paths of what a process has open."""
    for file in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed while we looked
            yield str(file.readlink())


def test_a_second_up_says_who_runs(stack: Stack) -> None:
    found = stack.run("up")
    assert found.returncode == 2
    assert f"pid {stack.pid}" in found.stderr


def test_a_taken_port_is_said_before_anything_is_made(stack: Stack, tmp_path: Path) -> None:
    other = Stack(tmp_path / "home", CLAWDBOT_PORT=str(stack.port))
    found = other.run("up")
    assert found.returncode == 1
    assert f"port {stack.port} is already taken: set CLAWDBOT_PORT" in found.stderr
    assert not (other.home / "clawdbot.sqlite3").exists()


def test_every_child_that_is_killed_comes_back(stack: Stack) -> None:
    before = stack.pids()
    below = set(stack.family()) - {stack.pid}
    for pid in before.values():
        os.kill(pid, signal.SIGKILL)

    def all_new() -> bool:
        now = stack.pids()
        return set(now) == ROLES and not set(now.values()) & set(before.values())

    wait_for(all_new, 20, "a new start of all")
    wait_for(lambda: not any(alive(pid) for pid in below), 5, "the end of the former pool")
    wait_for(stack.ready, 40, "readiness")
    said = stack.run("say", "/ping")
    assert (said.returncode, said.stdout.strip()) == (0, "pong")


def test_sigterm_ends_everything_within_15_s(stack: Stack) -> None:
    family = stack.family()
    began = time.monotonic()
    assert stack.process is not None
    stack.process.send_signal(signal.SIGTERM)
    assert stack.process.wait(20) == 0
    assert time.monotonic() - began < 15
    assert [pid for pid in family if alive(pid)] == []
    assert stack.pids() == {}


@pytest.mark.skipif(os.uname().sysname != "Linux", reason="PR_SET_PDEATHSIG is Linux's")
def test_kill_9_of_up_leaves_nothing_and_the_next_start_works(tmp_path: Path) -> None:
    deep = tmp_path / ("a-folder-name-that-makes-the-path-too-long-for-a-socket-" * 2)
    stack = Stack(deep / "home")
    try:
        stack.up("--only", "worker")
        family = stack.family()
        assert len(family) == 5  # up, valkey, two workers, one pool child
        folder = private_folder(stack.home)
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        os.kill(stack.pid, signal.SIGKILL)
        wait_for(lambda: not any(alive(pid) for pid in family), 5, "the end of all")
        stack.process.wait()  # type: ignore[union-attr]
        said = stack.run("say", "/ping")  # no `up` runs: it starts what it needs, and ends it
        assert (said.returncode, said.stdout.strip()) == (0, "pong")
        assert stack.pids() == {}
    finally:
        stack.end()


def test_somebody_elses_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.doc").touch()
    found = Stack(tmp_path).run("up")
    assert found.returncode == 2
    assert "thesis.doc" in found.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.doc"]


def test_a_database_of_another_installation_is_refused(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path}/shared.sqlite3"
    first = Stack(tmp_path / "first", DATABASE_URL=database)
    made = first.run("shell", "-c", MAKE)
    assert made.returncode == 0, made.stderr
    second = Stack(tmp_path / "second", DATABASE_URL=database)
    found = second.run("up")
    assert found.returncode == 2
    assert "already holds an installation" in found.stderr
    assert not (second.home / "secrets" / "keys").exists()
    third = Stack(tmp_path / "third", DATABASE_URL=database, CLAWDBOT_SECRET_KEYS=KEY)
    found = third.run("up")
    assert found.returncode == 2
    assert "do not fit the database" in found.stderr


MAKE = "from apps.console.supervisor.first_start import ensure_installed; ensure_installed()"
KEY = "another-key-0123456789-abcdefghijklmnopqrstuvwxyz"
