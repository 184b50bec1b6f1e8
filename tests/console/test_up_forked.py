"""Children of `up` that are forks: they share memory, and nothing else, with their parent."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from apps.console.supervisor import forked
from apps.console.supervisor.home import prepare
from apps.console.supervisor.lock import HomeLock, holder
from apps.console.supervisor.process import spawn
from apps.console.supervisor.spec import Plan, Spec
from tests.console.stack import alive, wait_for

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing is forked")
ROOT = Path(__file__).resolve().parents[2]
Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A prepared data folder."""
    prepare(tmp_path / "home")
    return tmp_path / "home"


@pytest.fixture
def start(home: Path) -> Iterator[Start]:
    """Start what `up` becomes; ends with the test."""
    made: list[subprocess.Popen[str]] = []

    def begin(*specs: Spec) -> subprocess.Popen[str]:
        reader, writer = os.pipe()
        os.write(writer, Plan(home, ROOT, specs).to_json().encode())
        os.close(writer)
        lock = HomeLock(home)
        lock.acquire("up")
        numbers = (lock.fd, reader)
        command = [sys.executable, "-m", "apps.console.supervisor", *map(str, numbers)]
        made.append(
            subprocess.Popen(
                [*command, "manage.py", "up"], cwd=ROOT, env=settings(home), pass_fds=numbers,
                stdout=subprocess.PIPE, text=True,
            )
        )  # fmt: skip
        os.close(lock.fd)
        os.close(reader)
        return made[-1]

    yield begin
    for one in made:
        one.terminate()
        one.communicate(timeout=20)


def settings(home: Path) -> dict[str, str]:
    """The environment of a real start on this data folder."""
    more = {"CLAWDBOT_HOME": str(home), "DJANGO_SETTINGS_MODULE": "clawdbot.settings.base"}
    return os.environ | more


def child(home: Path, role: str, end: str = "sleep") -> Spec:
    """A child that reports how it found itself, then ends in one of the ways it knows."""
    words = ("-m", "tests.console.forked_child", str(home / f"{role}.json"), end)
    return Spec(role, (sys.executable, *words), {"FORKED": role})


def reports(home: Path, *roles: str) -> list[dict[str, Any]]:
    """What they reported, once all of them have."""
    files = [home / f"{role}.json" for role in roles]
    wait_for(lambda: all(file.exists() for file in files), 60, "their reports")
    return [json.loads(file.read_text()) for file in files]


def test_they_find_what_a_new_program_would_find(home: Path, start: Start) -> None:
    parent = start(child(home, "web"), child(home, "beat"))
    web, beat = reports(home, "web", "beat")
    log = str(home / "logs" / "web.log")
    assert web["parent"] == beat["parent"] == parent.pid
    assert (web["session"], beat["session"]) == (web["pid"], beat["pid"])
    assert web["argv"] == [str(home / "web.json"), "sleep"]
    assert web["descriptors"] == [0, 1, 2]
    assert (web["input"], web["output"]) == (os.devnull, [log, log])
    assert set(web["handlers"]) == {str(signal.SIG_DFL)}
    assert (web["interrupt"], web["blocked"], web["wakeup"]) == (True, [], -1)
    assert (web["threads"], web["environment"]) == (1, "web")
    assert web["random"] != beat["random"]


def test_they_share_what_was_imported_and_show_their_roles(home: Path, start: Start) -> None:
    parent = start(child(home, "web"), child(home, "worker-io"))
    for found, role in zip(reports(home, "web", "worker-io"), ("web", "worker-io"), strict=True):
        assert found["django"]
        process = psutil.Process(found["pid"])
        memory = process.memory_full_info()
        assert memory.uss * 4 < memory.rss
        assert " ".join(process.cmdline()).strip() == f"clawdbot: {role}"
        assert Path(f"/proc/{process.pid}/comm").read_text() == f"clawdbot: {role}"[:15] + "\n"
    assert psutil.Process(parent.pid).cmdline()[-2:] == ["manage.py", "up"]


def test_one_that_dies_is_forked_again(home: Path, start: Start) -> None:
    start(child(home, "web"), child(home, "beat"))
    web, beat = reports(home, "web", "beat")
    (home / "web.json").unlink()
    os.kill(web["pid"], signal.SIGKILL)
    (again,) = reports(home, "web")
    assert again["pid"] != web["pid"]
    assert (again["django"], again["parent"]) == (True, web["parent"])
    assert alive(beat["pid"])


def test_kill_9_of_their_parent_ends_them_and_frees_the_lock(home: Path, start: Start) -> None:
    parent = start(child(home, "web"), child(home, "beat"))
    pids = [found["pid"] for found in reports(home, "web", "beat")]
    assert holder(home) is not None
    parent.kill()
    wait_for(lambda: not any(alive(pid) for pid in pids), 5, "the end of all")
    assert holder(home) is None


@pytest.mark.parametrize(
    ("end", "status", "words"),
    [("text", 1, "the disk is full"), ("three", 3, ""), ("raise", 1, "nobody expected this")],
)
def test_they_end_as_a_program_does(
    home: Path, start: Start, end: str, status: int, words: str
) -> None:
    parent = start(child(home, "web", end), child(home, "beat"))
    assert parent.stdout is not None
    lines = iter(parent.stdout.readline, "")
    line = next(line for line in lines if line.partition("  ")[2].startswith("web: 意外退出"))
    assert f"(exit {status})" in line
    log = (home / "logs" / "web.log").read_text()
    assert words in log
    assert log.count("at exit") == 1


def test_a_program_that_is_alone_is_not_forked(home: Path) -> None:
    valkey = Spec("valkey", ("valkey-server",))
    one = Plan(home, ROOT, (valkey, child(home, "web")))
    two = Plan(home, ROOT, (valkey, child(home, "web"), child(home, "beat")))
    assert (forked.launcher(one), forked.launcher(two)) == (spawn, forked.launch)


QUIET = """
import gc, os, threading
from pathlib import Path
before = set(os.listdir("/proc/self/fd"))
from apps.console.supervisor import preload
preload.load()
from django.db import connections
assert threading.active_count() == 1, threading.enumerate()
assert set(os.listdir("/proc/self/fd")) == before
assert [c.connection for c in connections.all()] == [None]
assert gc.isenabled() and gc.get_freeze_count() > 100_000
"""

HASTY = """
import os, signal, sys
from pathlib import Path
from apps.console.supervisor import forked, preload
from apps.console.supervisor.signals import Signals
from apps.console.supervisor.spec import Plan, Spec
home = Path(sys.argv[1])
preload.load()
spec = Spec("web", (sys.executable, "-m", "tests.console.forked_child", str(home / "w"), "sleep"))
signal.alarm(90)
with Signals() as signals, (home / "logs" / "web.log").open("ab") as log:
    for _ in range(40):
        process = forked.launch(spec, Plan(home, Path.cwd(), (spec,)), log)
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait() == -signal.SIGTERM
    assert signal.SIGTERM not in signals.wait(0)
"""


@pytest.mark.parametrize("code", [QUIET, HASTY], ids=["quiet", "hasty"])
def test_what_is_imported_starts_nothing_and_early_signals_reach_the_child(
    home: Path, code: str
) -> None:
    command = [sys.executable, "-c", code, str(home)]
    found = subprocess.run(
        command, cwd=ROOT, env=settings(home), capture_output=True, text=True, timeout=120,
        check=False,
    )  # fmt: skip
    assert (found.returncode, found.stderr) == (0, "")


def test_where_nothing_is_forked_celery_finds_its_app_before_django_is_set_up(home: Path) -> None:
    # As `celery -A` does it; macOS, `say` and `up --only beat` start programs.
    code = "import apps.console.supervisor.inside as i; print(i.app.main)"
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=settings(home), capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    assert (found.returncode, found.stdout.strip()) == (0, "clawdbot"), found.stderr
