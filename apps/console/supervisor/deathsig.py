"""Die with the parent: what makes `kill -9` of `up` leave no process behind (Linux).

prctl(2), PR_SET_PDEATHSIG: the signal is sent when the thread that started the child ends; it
survives exec and is cleared by fork, so every process asks for itself.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # <linux/prctl.h>

# Looked up before any fork: between fork and exec nothing may be loaded.
prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else None


def die_with_parent(parent: int, with_signal: int = signal.SIGKILL) -> None:
    """Ask the kernel to send this process a signal when `parent` dies; elsewhere do nothing."""
    if prctl is None:
        return
    prctl(PR_SET_PDEATHSIG, int(with_signal), 0, 0, 0)
    if os.getppid() != parent:  # it died before we asked
        os._exit(1)
