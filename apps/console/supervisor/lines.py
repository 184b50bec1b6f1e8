"""The console of `up`: one line for each thing that happens, in Chinese and English."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterable

Say = Callable[[str], None]


def say(text: str) -> None:
    """Print one line with the time."""
    show([f"{time.strftime('%H:%M:%S')}  {text}"])


def show(lines: Iterable[str]) -> None:
    """Print lines as they are; a console that went away is no reason to stop."""
    try:
        sys.stdout.write("".join(f"{line}\n" for line in lines))
        sys.stdout.flush()
    except (OSError, ValueError):
        # The terminal is gone. The logs have everything; the children must live on.
        _forget_console()


def _forget_console() -> None:
    """Let nothing be left unwritten: Python would end with an error of its own (exit 120)."""
    with contextlib.suppress(OSError, ValueError):
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, sys.stdout.fileno())
        os.close(nothing)
