"""A real `manage.py up` in a throw-away data folder on free ports, for the tests of the stack."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import psutil

from apps.console.supervisor.deathsig import die_with_parent

ROOT = Path(__file__).resolve().parents[2]
READY_S = 90  # a loaded machine; a quiet one needs a tenth
DROPPED = ("CLAWDBOT_", "DATABASE_URL", "REDIS_URL", "CELERY_", "DJANGO_", "PYTEST_")


def wait_for(condition: Callable[[], object], seconds: float = 20, what: str = "it") -> None:
    """Wait until the condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not happen in {seconds:g} s"
        time.sleep(0.05)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def alive(pid: int) -> bool:
    """Does this process run (a zombie does not)?"""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


class Stack:
    """One data folder with its ports, and the `up` that runs on it."""

    def __init__(self, home: Path, **env: str) -> None:
        self.home = home
        self.port, self.flower_port = free_port(), free_port()
        kept = {k: v for k, v in os.environ.items() if not k.startswith(DROPPED)}
        self.env = kept | {
            "CLAWDBOT_HOME": str(home),
            "CLAWDBOT_PORT": str(self.port),
            "CLAWDBOT_FLOWER_PORT": str(self.flower_port),
            "CLAWDBOT_WORKERS": "1",
            "PYTHONUNBUFFERED": "1",
            **env,
        }
        self.output = ""
        self.process: subprocess.Popen[str] | None = None

    def run(self, *words: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
        """One command to its end."""
        command = [sys.executable, "manage.py", *words]
        return subprocess.run(
            command, cwd=ROOT, env=self.env, capture_output=True, text=True, timeout=timeout,
            check=False,
        )  # fmt: skip

    def up(self, *words: str) -> None:
        """Start `up` and wait for its banner."""
        self.output = ""
        command = [sys.executable, "manage.py", "up", *words]
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=self.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, start_new_session=True,
            # Tests that are killed leave nothing running.
            preexec_fn=partial(die_with_parent, os.getpid(), signal.SIGTERM),
        )  # fmt: skip
        threading.Thread(target=self._read, args=(self.process,), daemon=True).start()
        wait_for(lambda: "Ctrl-C" in self.output or self.process.poll() is not None, READY_S)  # type: ignore[union-attr]
        assert self.process.poll() is None, self.output

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            self.output += line

    @property
    def pid(self) -> int:
        """The process id of `up`."""
        assert self.process is not None
        return self.process.pid

    def pids(self) -> dict[str, int]:
        """The children by role, as their pid files say."""
        found = {}
        for path in (self.home / "run").glob("*.pid"):
            with contextlib.suppress(FileNotFoundError):  # it ended while we looked
                found[path.stem] = int(path.read_text())
        return found

    def family(self) -> list[int]:
        """The process ids of `up` and of everything below it."""
        mine = psutil.Process(self.pid)
        return [mine.pid, *(child.pid for child in mine.children(recursive=True))]

    def get(self, path: str, port: int = 0, **headers: str) -> int:
        """The status of one GET; 0 when nobody answers."""
        connection = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=10)
        try:
            connection.request("GET", path, headers=headers)
            return connection.getresponse().status
        except OSError:
            return 0
        finally:
            connection.close()

    def ready(self) -> bool:
        """Does the readiness probe say yes?"""
        return self.get("/healthz/ready") == 200

    def end(self) -> None:
        """Leave nothing behind, whatever the test did."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
