"""The children of `up`, with small programs in the place of the real ones."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from apps.console.supervisor import logfile, supervisor
from apps.console.supervisor.home import prepare
from apps.console.supervisor.process import Backoff, Child, words
from apps.console.supervisor.spec import Plan, Spec
from apps.console.supervisor.supervisor import StartFailed, Supervisor

ROOT = Path(__file__).resolve().parents[2]
SLEEPER = "import time; time.sleep(600)"
DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"


def wait_for(condition: Callable[[], object], seconds: float = 20) -> None:
    """Wait until the condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def alive(pid: int) -> bool:
    """Does this process run (a zombie does not)?"""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def spec(role: str, code: str, **more: object) -> Spec:
    """A child that runs a line of Python."""
    return Spec(role, (sys.executable, "-c", code), **more)  # type: ignore[arg-type]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A prepared data folder."""
    prepare(tmp_path / "home")
    return tmp_path / "home"


@pytest.fixture
def running(home: Path) -> Iterator[Callable[..., Supervisor]]:
    """Start a supervisor whose children end with the test."""
    made: list[Supervisor] = []

    def start(*specs: Spec, tell: Callable[[str], None] = lambda text: None) -> Supervisor:
        made.append(Supervisor(Plan(home, ROOT, specs), tell))
        return made[-1]

    yield start
    for one in made:
        for child in one.children:
            child.kill()


def parent_of(plan: Plan) -> subprocess.Popen[str]:
    """The small process that `up` becomes, with this plan."""
    reader, writer = os.pipe()
    os.write(writer, plan.to_json().encode())
    os.close(writer)
    with Path(os.devnull).open() as lock:
        return subprocess.Popen(
            [sys.executable, "-m", "apps.console.supervisor", str(lock.fileno()), str(reader)],
            cwd=ROOT, pass_fds=(lock.fileno(), reader), stdout=subprocess.PIPE, text=True,
        )  # fmt: skip


def pids(home: Path, *roles: str) -> list[int]:
    """The children's ids, once all of them run."""
    files = [home / "run" / f"{role}.pid" for role in roles]
    wait_for(lambda: all(file.exists() for file in files))
    return [int(file.read_text()) for file in files]


def test_the_pause_doubles_to_30_s_and_starts_anew_after_a_healthy_minute() -> None:
    backoff = Backoff()
    assert [backoff.after(1) for _ in range(8)] == [0.5, 1, 2, 4, 8, 16, 30, 30]
    assert [backoff.after(60), backoff.after(1)] == [0.5, 1]


def test_a_child_that_dies_is_started_again_and_what_it_left_is_ended(
    home: Path, running: Callable[..., Supervisor]
) -> None:
    told: list[str] = []
    note = home / "grandchild"
    code = (
        "import subprocess, sys, time, pathlib;"
        f"p = subprocess.Popen([sys.executable, '-c', {DEAF!r}]);"
        f"pathlib.Path({str(note)!r}).write_text(str(p.pid)); time.sleep(600)"
    )
    one = running(spec("beat", code), tell=told.append)
    one.start()
    wait_for(lambda: note.exists() and note.read_text())
    first, grandchild = one.children[0].pid, int(note.read_text())
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: one.step() or one.children[0].pid not in {0, first})
    assert not alive(grandchild)
    assert pids(home, "beat") == [one.children[0].pid]
    assert any("SIGKILL" in line for line in told)


def test_the_console_gets_the_last_words_of_a_child_that_fails(
    running: Callable[..., Supervisor],
) -> None:
    told: list[str] = []
    one = running(spec("web", "import sys; sys.exit('the disk is full')"), tell=told.append)
    wait_for(lambda: one.step() or any("the disk is full" in line for line in told))
    assert any("exit 1" in line for line in told)


def test_a_killed_child_is_not_said_to_have_had_last_words(
    home: Path, running: Callable[..., Supervisor]
) -> None:
    told: list[str] = []
    one = running(spec("web", f"print('all is well', flush=True); {SLEEPER}"), tell=told.append)
    wait_for(lambda: one.step() or "all is well" in logfile.tail(home / "logs" / "web.log"))
    os.kill(one.children[0].pid, signal.SIGKILL)
    wait_for(lambda: one.step() or any("SIGKILL" in line for line in told))
    assert not any("all is well" in line for line in told)


def test_a_program_that_is_not_there_is_said_and_tried_again(
    home: Path, running: Callable[..., Supervisor]
) -> None:
    told: list[str] = []
    one = running(Spec("web", ("/nonexistent/program",)), tell=told.append)
    wait_for(lambda: one.step() or len(told) > 1)
    assert "cannot be started" in told[0]


def test_children_wait_for_what_they_need(home: Path, running: Callable[..., Supervisor]) -> None:
    mark = home / "mark"
    first = spec("valkey", SLEEPER, ready=f"file:{mark}")
    one = running(first, spec("web", SLEEPER, after=("valkey",)))
    one.step()
    one.step()
    assert [child.running for child in one.children] == [True, False]
    mark.touch()
    one.step()
    one.step()
    assert one.all_ready()


def test_they_stop_in_order_and_the_deaf_are_killed_in_time(
    home: Path, running: Callable[..., Supervisor], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "STOP_S", 3.0)
    told: list[str] = []
    roles = ("valkey", "web", "worker-io", "worker-jobs", "beat", "flower")
    codes = dict.fromkeys(roles, SLEEPER) | {"worker-io": DEAF, "worker-jobs": DEAF}
    mine = [spec(role, code, share_s=0.2) for role, code in codes.items()]
    one = running(*mine, tell=told.append)
    one.start()
    began = time.monotonic()
    told.clear()
    one.stop()
    assert time.monotonic() - began < 3.5
    order = [line.partition(":")[0] for line in told if "stopped" in line]
    assert order[:3] == ["beat", "web", "flower"]
    assert set(order[3:5]) == {"worker-io", "worker-jobs"}
    assert order[5:] == ["valkey"]
    assert not list((home / "run").glob("*.pid"))


def test_a_start_that_fails_leaves_nothing(home: Path, running: Callable[..., Supervisor]) -> None:
    one = running(spec("beat", SLEEPER), spec("web", SLEEPER, ready="file:/nonexistent"))
    with pytest.raises(StartFailed, match="web"):
        one.start(patience_s=0.3)
    assert not any(child.running for child in one.children)


@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG is Linux's")
def test_kill_9_of_the_parent_leaves_nothing(home: Path) -> None:
    parent = parent_of(Plan(home, ROOT, (spec("web", DEAF), spec("beat", SLEEPER))))
    children = pids(home, "web", "beat")
    parent.kill()
    parent.communicate()
    wait_for(lambda: not any(alive(pid) for pid in children), 3)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_stops_everything_and_the_banner_was_shown(home: Path, number: int) -> None:
    plan = Plan(home, ROOT, (spec("web", SLEEPER),), banner=("Sign in: here", "开始"))
    parent = parent_of(plan)
    children = pids(home, "web")
    assert parent.stdout is not None
    wait_for(lambda: "开始" in parent.stdout.readline())  # type: ignore[union-attr]
    parent.send_signal(number)
    output, _ = parent.communicate(timeout=10)
    assert parent.returncode == 0
    assert "web: 已停止 stopped" in output
    assert not any(alive(pid) for pid in children)


def test_it_lives_on_when_its_console_goes_away(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)  # what was not written stays in memory
    parent = parent_of(Plan(home, ROOT, (spec("web", SLEEPER), spec("beat", SLEEPER))))
    (web, _) = pids(home, "web", "beat")
    assert parent.stdout is not None
    parent.stdout.close()
    os.kill(web, signal.SIGKILL)
    wait_for(lambda: (home / "run" / "web.pid").exists() and pids(home, "web") != [web])
    assert parent.poll() is None
    parent.terminate()
    assert parent.wait(10) == 0


def test_large_logs_are_put_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logfile, "LARGE", 10)
    path = tmp_path / "web.log"
    with logfile.open_log(path) as log:
        log.write(b"much more than ten bytes\n")
        log.flush()
        assert logfile.rotate_live(path)
        log.write(b"new\n")
    assert path.read_bytes() == b"new\n"
    assert (tmp_path / "web.log.1").read_bytes() == b"much more than ten bytes\n"
    assert path.stat().st_mode & 0o777 == 0o600
    assert not logfile.rotate_live(path)


def test_a_plan_survives_being_written_as_json(home: Path) -> None:
    plan = Plan(home, ROOT, (spec("web", "1", env={"A": "b"}, after=("valkey",)),), ("你好",))
    assert Plan.from_json(plan.to_json()) == plan


def test_one_that_ended_by_itself_just_before_is_stopped_like_the_others(
    running: Callable[..., Supervisor],
) -> None:
    one = running(spec("web", SLEEPER), spec("beat", SLEEPER))
    one.start()
    gone = one.children[0].pid
    os.kill(gone, signal.SIGKILL)
    wait_for(lambda: psutil.Process(gone).status() == psutil.STATUS_ZOMBIE)
    one.stop()
    assert not any(child.running for child in one.children)


def test_exit_statuses_have_words() -> None:
    assert [words(0), words(3), words(-9)] == ["exit 0", "exit 3", "SIGKILL"]


def test_a_pid_file_goes_with_its_process(home: Path) -> None:
    child = Child(spec("web", "pass"), Plan(home, ROOT, ()))
    child.start()
    assert pids(home, "web") == [child.pid]
    wait_for(lambda: child.ended() is not None)
    assert not child.pid_file.exists()
