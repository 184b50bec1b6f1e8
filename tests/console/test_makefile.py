"""`make run` passes on what it is told: the last line of its recipe is one simple command."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.console.stack import wait_for

ROOT = Path(__file__).resolve().parents[2]
STAND_IN = """#!{python}
import os, pathlib, signal, sys, time
note = pathlib.Path({note!r})
def stop(number, frame):
    note.with_suffix(".stopped").touch()
    sys.exit(0)
signal.signal(signal.SIGTERM, stop)
note.with_suffix(".new").write_text(" ".join(map(str, [os.getpid(), os.getppid(), *sys.argv[1:]])))
note.with_suffix(".new").replace(note)
time.sleep(600)
"""


@pytest.mark.skipif(shutil.which("make") is None, reason="no make here")
def test_sigterm_to_make_reaches_up(tmp_path: Path) -> None:
    note, python = tmp_path / "note", tmp_path / "python"
    python.write_text(STAND_IN.format(python=sys.executable, note=str(note)))
    python.chmod(0o755)
    (tmp_path / "stamp").touch()
    # Nothing of this belongs to the venv that the tests run in.
    given = {"VENV": tmp_path / "venv", "BIN": tmp_path, "RUN_STAMP": tmp_path / "stamp"}
    command = ["make", "run", *(f"{name}={path}" for name, path in given.items())]
    env = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    make = subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.DEVNULL)
    try:
        wait_for(note.exists)
        _, parent, *words = note.read_text().split()
        # make starts it itself: a shell between them would keep the signal.
        assert (int(parent), words) == (make.pid, ["manage.py", "up"])
        make.send_signal(signal.SIGTERM)
        wait_for(note.with_suffix(".stopped").exists)
        make.wait(10)
    finally:
        make.kill()
        make.wait()
        if note.exists():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(note.read_text().split()[0]), signal.SIGKILL)
