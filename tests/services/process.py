"""What the private servers of the tests have in common: a folder, a process, an end."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 60.0


class Missing(Exception):
    """This machine lacks what the server needs; the text names it."""


def program(name: str, *more: Path) -> str:
    """The path of an installed program, from PATH or from the folders given. Raises Missing."""
    for folder in more:
        if (folder / name).is_file():
            return str(folder / name)
    found = shutil.which(name)
    if found is None:
        raise Missing(f"{name} is not installed")
    return found


def made(target: str, seconds: float) -> None:
    """Have `make` install what is wanted, if it is not there. Raises Missing."""
    make = program("make")
    done = subprocess.run(
        [make, "--no-print-directory", target, f"PYTHON={sys.executable}"],
        cwd=ROOT, capture_output=True, text=True, timeout=seconds, check=False,
    )  # fmt: skip
    if done.returncode:
        raise Missing(f"make {target} failed: {done.stderr[-500:]}")


def free_port() -> int:
    """A port of the loopback that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class PrivateServer:
    """One server process in a folder of its own; `stop` leaves neither behind."""

    def __init__(self, name: str, user: str = "") -> None:
        self.name = name
        self.user = user if user and os.geteuid() == 0 else ""
        # Not pytest's folder: the path of a socket has to stay short.
        self.folder = Path(tempfile.mkdtemp(prefix=f"cb-{name}-"))
        self.log = self.folder / "log"
        self.processes: list[subprocess.Popen[bytes]] = []
        if self.user:
            try:
                owner = pwd.getpwnam(self.user)
            except KeyError:
                raise Missing(f"root may not run {name}, and there is no user {user}") from None
            os.chown(self.folder, owner.pw_uid, owner.pw_gid)

    def command(self, argv: Sequence[str], signal: str = "KILL") -> list[str]:
        """The command as its user; on Linux it gets the signal when the tests die."""
        setpriv = shutil.which("setpriv") if sys.platform == "linux" else None
        if setpriv is None:
            if self.user:
                raise Missing("setpriv is not installed (util-linux)")
            return list(argv)
        user = ["--reuid", self.user, "--regid", self.user, "--init-groups"] if self.user else []
        return [setpriv, *user, "--pdeathsig", signal, "--", *argv]

    def run(self, argv: Sequence[str], env: Mapping[str, str] | None = None) -> str:
        """Run a command to its end, return its output, which is in the error when it fails."""
        done = subprocess.run(
            self.command(argv), env=env, cwd=self.folder, capture_output=True, text=True,
            timeout=PATIENCE_S, check=False,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"{argv[0]} failed: {done.stdout[-2000:]}{done.stderr[-2000:]}")
        return done.stdout

    def start(
        self, argv: Sequence[str], env: Mapping[str, str] | None = None, signal: str = "KILL"
    ) -> None:
        """Start the server (or a helper of it) in a process group of its own."""
        with self.log.open("ab") as log:
            self.processes.append(
                subprocess.Popen(
                    self.command(argv, signal), env=env, cwd=self.folder, stdin=subprocess.DEVNULL,
                    stdout=log, stderr=log, start_new_session=True,
                )
            )  # fmt: skip

    def wait(self, ready: Callable[[], bool]) -> None:
        """Return when `ready()` holds; raises with the log when it ends or is too slow."""
        deadline = time.monotonic() + PATIENCE_S
        while not ready():
            ended = any(process.poll() is not None for process in self.processes)
            if ended or time.monotonic() > deadline:
                raise RuntimeError(f"{self.name} does not answer: {self.log.read_text()[-3000:]}")
            time.sleep(0.05)

    def stop(self, signal: int = 15) -> None:
        """End the processes, last one first, and remove the folder."""
        self.halt(signal)
        shutil.rmtree(self.folder, ignore_errors=True)

    def halt(self, signal: int = 15) -> None:
        """End the processes, last one first; the folder stays for a new start."""
        for process in reversed(self.processes):
            if process.poll() is None:
                process.send_signal(signal)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)
        self.processes.clear()
