"""`make run` passes on what it is told: the last line of its recipe is one simple command."""

from __future__ import annotations

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
def stop(number, frame):
    pathlib.Path({note!r}).write_text("stopped")
    sys.exit(0)
signal.signal(signal.SIGTERM, stop)
pathlib.Path({note!r}).write_text(" ".join([str(os.getppid()), *sys.argv[1:]]))
time.sleep(600)
"""


@pytest.mark.skipif(shutil.which("make") is None, reason="no make here")
def test_sigterm_to_make_reaches_up(tmp_path: Path) -> None:
    note, python = tmp_path / "note", tmp_path / "python"
    python.write_text(STAND_IN.format(python=sys.executable, note=str(note)))
    python.chmod(0o755)
    stamp = tmp_path / "stamp"  # newer than the requirements, whatever a clone made of their times
    stamp.touch()
    command = ["make", "run", f"BIN={tmp_path}", f"RUN_STAMP={stamp}"]
    env = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    with subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE) as make:
        wait_for(note.exists)
        wait_for(note.read_text)
        # make starts it itself: a shell between them would keep the signal.
        assert note.read_text() == f"{make.pid} manage.py up"
        make.send_signal(signal.SIGTERM)
        wait_for(lambda: note.read_text() == "stopped")
        make.communicate(timeout=10)
