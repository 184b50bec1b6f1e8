"""A child of `up` that runs and does nothing: found by its silence, ended and started again."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from apps.assistant.sweeper import Sweeper
from apps.console.supervisor import inside, pulse
from apps.console.supervisor.home import prepare
from apps.console.supervisor.plan import PARTS, plan_for
from apps.console.supervisor.spec import Plan, Spec
from apps.console.supervisor.supervisor import Supervisor
from apps.core.private import mark
from apps.core.signs import looked
from apps.schedules.scheduler import LeaderScheduler
from clawdbot.celery import app
from tests.console.stack import wait_for

ROOT = Path(__file__).resolve().parents[2]
#: Gives a sign of life ten times a second.
LIVELY = (
    "import pathlib, sys, time\n"
    "while True: pathlib.Path(sys.argv[1]).touch(); time.sleep(0.1)"
)  # fmt: skip
SERVER = (
    "import http.server, sys\n"
    "http.server.HTTPServer(('127.0.0.1', int(sys.argv[1])),"
    " http.server.SimpleHTTPRequestHandler).serve_forever()"
)
LIMIT_S = 1.5


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A prepared data folder."""
    prepare(tmp_path / "home")
    return tmp_path / "home"


@pytest.fixture
def told() -> list[str]:
    """What the console showed."""
    return []


@pytest.fixture
def running(home: Path, told: list[str]) -> Iterator[Callable[[Spec], Supervisor]]:
    """Start one child and wait until it is ready; ends with the test."""
    made: list[Supervisor] = []

    def start(spec: Spec) -> Supervisor:
        made.append(Supervisor(Plan(home, ROOT, (spec,)), told.append))
        made[-1].start()
        return made[-1]

    yield start
    for one in made:
        for child in one.children:
            child.kill()


def hangs(one: Supervisor, told: list[str]) -> None:
    """Stop the only child and wait until another has its place."""
    hung = one.children[0].pid
    os.kill(hung, signal.SIGSTOP)
    wait_for(lambda: one.step() or (one.all_ready() and one.children[0].pid != hung), 20)
    assert "\n".join(told).count(f"gave no sign of life for {LIMIT_S} s") == 1
    assert one.children[0].starts == 2


def test_a_worker_that_hangs_is_started_again(
    home: Path, running: Callable[[Spec], Supervisor], told: list[str]
) -> None:
    file = mark(home, "worker-io")
    argv = (sys.executable, "-c", LIVELY, str(file))
    hangs(running(Spec("worker-io", argv, ready=f"file:{file}", silent_s=LIMIT_S)), told)


def test_a_web_that_hangs_is_started_again(
    running: Callable[[Spec], Supervisor], told: list[str], unused_tcp_port: int
) -> None:
    argv = (sys.executable, "-c", SERVER, str(unused_tcp_port))
    ready = f"http:127.0.0.1:{unused_tcp_port}:/"
    hangs(running(Spec("web", argv, ready=ready, silent_s=LIMIT_S)), told)


def test_one_that_gives_signs_of_life_or_need_not_is_left_alone(
    home: Path,
    running: Callable[[Spec], Supervisor],
    told: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = mark(home, "beat")
    lively = Spec("beat", (sys.executable, "-c", LIVELY, str(file)), ready=f"file:{file}")
    quiet = Spec("web", (sys.executable, "-c", "input()"))
    children = [running(spec).children[0] for spec in (lively, quiet)]
    children[0].pulse.limit_s = LIMIT_S
    clock = Clock(monkeypatch)
    for _ in range(5):
        before = file.stat().st_mtime
        wait_for(lambda: file.stat().st_mtime != before)  # noqa: B023 - waited for right here
        clock.now += 1
        assert not any(child.pulse.lost() for child in children)
    children[0].signal(signal.SIGSTOP)
    children[0].pulse.lost()
    clock.now += 2
    assert [child.pulse.lost() for child in children] == [True, False]


class Clock:
    """The clock of the pulse, in our hands."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = time.monotonic()
        monkeypatch.setattr(pulse, "time", SimpleNamespace(monotonic=lambda: self.now))


@pytest.mark.django_db
def test_the_sweeper_and_beat_say_that_they_got_on(
    home: Path, settings: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.CLAWDBOT_HOME = home  # type: ignore[attr-defined]
    file = mark(home, "beat")
    monkeypatch.setattr(inside, "_mark", None)  # and again after the test
    inside.will_look()
    assert not file.exists()
    LeaderScheduler(app=app).tick()
    assert file.stat().st_mode & 0o777 == 0o600
    os.utime(file, (1, 1))
    Sweeper("here:1", ["normal"], 1, serves=False).tick()
    assert file.stat().st_mtime > 1


def test_a_part_that_fails_is_a_sign_of_life_too(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[object] = []

    def hear(sender: object, **_: object) -> None:
        heard.append(sender)

    def fail() -> None:
        raise RuntimeError("this part is broken")

    looked.connect(hear)
    try:
        Sweeper("here:1", [], 1, serves=False)._do("part", fail)
    finally:
        looked.disconnect(hear)
    assert heard == [Sweeper]


def test_which_children_are_watched(home: Path, settings: object) -> None:
    from apps.console.supervisor import flower

    settings.CLAWDBOT_HOME = home  # type: ignore[attr-defined]
    settings.REDIS_URL = f"unix://{home}/run/valkey.sock"  # type: ignore[attr-defined]
    flower.ensure_secret(home)
    limits = {spec.role: spec.silent_s for spec in plan_for(PARTS).specs}
    watched = {role: limit for role, limit in limits.items() if limit}
    assert watched == {
        "web": 60,
        "worker-io": 60,
        "worker-jobs": 60,
        "worker-model": 60,
        "connect": 60,
        "beat": 120,
    }
