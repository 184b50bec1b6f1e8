"""Children that are forks of `up`: what all of them import is imported once, and its memory shared.

A fork gets what a new program would get: a session, signals, descriptors and random numbers of its
own. On macOS the system's libraries do not survive a fork, so that programs are started there.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import runpy
import signal
import sys
import threading
import traceback
from pathlib import Path
from typing import BinaryIO, NoReturn

from apps.console.supervisor import preload
from apps.console.supervisor.deathsig import die_with_parent
from apps.console.supervisor.process import Launch, Process, spawn
from apps.console.supervisor.signals import WATCHED
from apps.console.supervisor.spec import Plan, Spec
from apps.console.supervisor.title import set_title

FIRST_OTHER_FD = 3


class Forked:
    """A forked child, as far as `Child` needs to know it."""

    def __init__(self, pid: int) -> None:
        self.pid = pid

    def wait(self) -> int:
        """Reap it: its exit status, or the negative number of the signal that ended it."""
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def launcher(plan: Plan) -> Launch:
    """How to start the children of this plan.

    The parent's own copy pays from two children on that load the house; Flower by itself does not.
    """
    loading = [spec for spec in plan.specs if spec.module and spec.role != "flower"]
    return launch if sys.platform == "linux" and len(loading) > 1 else spawn


def launch(spec: Spec, plan: Plan, output: BinaryIO) -> Process:
    """Fork for a Python module, start anything else as a program. Raises OSError."""
    if spec.module is None:
        return spawn(spec, plan, output)
    preload.load()
    parent = os.getpid()
    _flush()  # else the child would have it, too
    # A signal that comes before the child has its own handlers would be told to the parent's loop.
    former = signal.pthread_sigmask(signal.SIG_BLOCK, WATCHED)
    try:
        pid = os.fork()
        if pid == 0:
            _live(spec, plan, output, parent)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, former)
    return Forked(pid)


def _live(spec: Spec, plan: Plan, output: BinaryIO, parent: int) -> NoReturn:
    """All that a child ever does: what the parent has under way must not go on in it."""
    status = 1
    try:
        _become_own(spec, plan, output, parent)
        status = _run(spec.argv[2:])
        # The end of an interpreter, which a fork that leaves by _exit does not come to.
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
    except BaseException:  # noqa: BLE001 - the last frame of a process: say why and end
        traceback.print_exc()
    finally:
        _flush()
        os._exit(status)


def _flush() -> None:
    with contextlib.suppress(OSError, ValueError):  # the console, or the disk, may be gone
        sys.stdout.flush()
        sys.stderr.flush()


def _become_own(spec: Spec, plan: Plan, output: BinaryIO, parent: int) -> None:
    die_with_parent(parent)
    os.setsid()
    os.dup2(output.fileno(), 1)
    os.dup2(output.fileno(), 2)
    with Path(os.devnull).open() as nothing:
        os.dup2(nothing.fileno(), 0)
    _reset_signals()
    _close_others()
    os.environ.update(spec.env)
    os.chdir(plan.folder)
    set_title(f"clawdbot: {spec.role}")


def _reset_signals() -> None:
    signal.set_wakeup_fd(-1)
    for number in WATCHED:
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, WATCHED)


def _close_others() -> None:
    """Close what a new program would not have: above all the lock of the home."""
    for number in [int(path.name) for path in Path("/proc/self/fd").iterdir()]:
        if number >= FIRST_OTHER_FD:
            with contextlib.suppress(OSError):  # the one that listed them is closed already
                os.close(number)


def _run(words: tuple[str, ...]) -> int:
    """What `python -m WORDS` does, to its end; return the exit status."""
    sys.argv = list(words)
    try:
        runpy.run_module(words[0], run_name="__main__", alter_sys=True)
    except SystemExit as end:
        return _status(end.code)
    except BaseException:  # noqa: BLE001 - as an interpreter does: say it, then end in order
        traceback.print_exc()
        return 1
    return 0


def _status(code: object) -> int:
    if isinstance(code, int):
        return code
    if code is not None:
        sys.stderr.write(f"{code}\n")
    return int(code is not None)
