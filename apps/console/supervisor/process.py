"""One child of `up`: in a session of its own, watched, started again with a growing pause."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import BinaryIO, Protocol

from apps.console.supervisor.deathsig import die_with_parent
from apps.console.supervisor.logfile import open_log
from apps.console.supervisor.pulse import Pulse
from apps.console.supervisor.spec import Plan, Spec

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
HEALTHY_S = 60.0


class Process(Protocol):
    """What `Child` needs of a process that it started."""

    @property
    def pid(self) -> int:
        """Its process id, which is also that of its session and its group."""

    def wait(self) -> int:
        """Reap it: its exit status, or the negative number of the signal that ended it."""


def spawn(spec: Spec, plan: Plan, output: BinaryIO) -> subprocess.Popen[bytes]:
    """Start the command line as a new program. Raises OSError when it cannot be started."""
    return subprocess.Popen(  # noqa: S603 - our own plan
        spec.argv,
        env=os.environ | spec.env,
        cwd=plan.folder,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        start_new_session=True,
        preexec_fn=partial(die_with_parent, os.getpid()),
    )


Launch = Callable[[Spec, Plan, BinaryIO], Process]


class Backoff:
    """How long to wait before the next start: 0.5 s, doubling to 30 s, anew after a healthy run."""

    def __init__(self) -> None:
        self.pause = FIRST_PAUSE_S

    def after(self, lived_s: float) -> float:
        """The pause after a run that lasted `lived_s`."""
        if lived_s >= HEALTHY_S:
            self.pause = FIRST_PAUSE_S
        pause, self.pause = self.pause, min(self.pause * 2, LONGEST_PAUSE_S)
        return pause


class Child:
    """The process behind one `Spec`; its pid is in `run/<role>.pid` while it lives."""

    def __init__(self, spec: Spec, plan: Plan, launch: Launch = spawn) -> None:
        self.spec = spec
        self.plan = plan
        self.launch = launch
        self.log = plan.home / "logs" / f"{spec.role}.log"
        self.pid_file = plan.home / "run" / f"{spec.role}.pid"
        self.process: Process | None = None
        self.backoff = Backoff()
        self.started_at = 0.0
        self.start_at = 0.0  # not before this moment (monotonic)
        self.ready = False
        self.pulse = Pulse(spec.ready, spec.silent_s)
        self.starts = 0

    @property
    def running(self) -> bool:
        """Started and not yet seen to have ended."""
        return self.process is not None

    @property
    def wanted(self) -> bool:
        """Is there something for it to do in this house?"""
        return not self.spec.wanted or Path(self.spec.wanted).exists()

    @property
    def pid(self) -> int:
        """The process id; 0 when it does not run."""
        return self.process.pid if self.process else 0

    def start(self) -> None:
        """Start the process. Raises OSError when its program cannot be started."""
        if self.spec.ready.startswith("file:"):
            Path(self.spec.ready.partition(":")[2]).unlink(missing_ok=True)
        with open_log(self.log) as output:
            self.process = self.launch(self.spec, self.plan, output)
        self.started_at = time.monotonic()
        self.starts += 1
        self.ready = not self.spec.ready
        write_pid(self.pid_file, self.process.pid)

    def ended(self) -> int | None:
        """None while it runs; else clear up what it left and return its exit status."""
        if self.process is None or not _has_ended(self.process):
            return None
        # Before it is reaped its id cannot be taken by a stranger: end its children now.
        kill_group(self.process.pid)
        status = self.process.wait()
        self.process, self.ready = None, False
        self.pid_file.unlink(missing_ok=True)
        self.start_at = time.monotonic() + self.backoff.after(time.monotonic() - self.started_at)
        return status

    def signal(self, number: int) -> None:
        """Send a signal to the process alone; what it started is its own business."""
        if self.process is not None:
            # Popen.send_signal would reap an ended one behind our back.
            os.kill(self.process.pid, number)

    def hurry(self) -> None:
        """Ask again, with the signal that this program understands as "now"."""
        if self.spec.hurry:
            self.signal(self.spec.hurry)

    def kill(self) -> None:
        """End the process and all that it started, at once."""
        if self.process is not None:
            kill_group(self.process.pid)


def _has_ended(process: Process) -> bool:
    if isinstance(process, subprocess.Popen) and not hasattr(os, "waitid"):
        return process.poll() is not None  # macOS before Python 3.13
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def kill_group(leader: int) -> None:
    """SIGKILL to a process group; nobody there is fine."""
    try:
        os.killpg(leader, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        # PermissionError is macOS's answer when only zombies are left.
        return


def write_pid(path: Path, pid: int) -> None:
    """Write a pid file in one step, so that nobody reads half of it."""
    fresh = path.with_suffix(".new")
    fresh.write_text(f"{pid}\n")
    fresh.replace(path)


def words(status: int) -> str:
    """An exit status as people say it: `exit 1`, `SIGKILL`."""
    if status >= 0:
        return f"exit {status}"
    try:
        return signal.Signals(-status).name
    except ValueError:
        return f"signal {-status}"
