"""Something that can be started, sent messages and measured: an installation or a peer."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.load import Target

ROOT = Path(__file__).resolve().parent.parent


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def listens(port: int) -> bool:
    """Does somebody?"""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class System:
    """Processes in a throw-away folder. Subclasses start them and say where to send messages."""

    name = ""
    target: Target

    def __init__(self) -> None:
        self.home = Path(tempfile.mkdtemp(prefix=f"bench-{self.name}-"))
        self.port = free_port()
        self.processes: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        """Return when it takes messages."""
        raise NotImplementedError

    @property
    def pids(self) -> list[int]:
        """The roots of its trees of processes."""
        return [process.pid for process in self.processes]

    @property
    def database_pids(self) -> list[int]:
        """The same of a database server that it uses, which is counted apart."""
        return []

    def spawn(self, *argv: str, **env: str) -> subprocess.Popen[bytes]:
        """Start one process of it."""
        with (self.home / "log").open("ab") as log:
            process = subprocess.Popen(
                argv, env={**os.environ, **env}, cwd=ROOT, stdin=subprocess.DEVNULL,
                stdout=log, stderr=log,
            )  # fmt: skip
        self.processes.append(process)
        return process

    def python(self, module: str, *argv: str, **env: str) -> subprocess.Popen[bytes]:
        """Start one Python module of it."""
        return self.spawn(sys.executable, "-m", module, *argv, **env)

    def uvicorn(self, app: str, **env: str) -> None:
        """Start its web side as everybody does, without a log line for each request."""
        options = ["--port", str(self.port), "--no-access-log", "--log-level", "warning"]
        self.python("uvicorn", app, *options, "--lifespan", "off", **env)

    def ready(self) -> None:
        """Wait until the web side listens."""
        self.wait(lambda: listens(self.port), "it listens")

    def wait(self, ready: Callable[[], bool], what: str, seconds: float = 60) -> None:
        """Return when it holds; raises with its log when a process ended or it takes too long."""
        ends = time.monotonic() + seconds
        while not ready():
            ended = any(process.poll() is not None for process in self.processes)
            if ended or time.monotonic() > ends:
                log = (self.home / "log").read_text(errors="replace")
                raise RuntimeError(f"{self.name}: {what}? {log[-3000:]}")
            time.sleep(0.01)

    def stop(self) -> None:
        """End the processes, last one first."""
        for process in reversed(self.processes):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)
        self.processes.clear()

    def remove(self) -> None:
        """Leave nothing behind."""
        shutil.rmtree(self.home, ignore_errors=True)
