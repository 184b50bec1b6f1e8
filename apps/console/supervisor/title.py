"""What a list of processes shows for a fork: by itself it has the command line of its parent."""

from __future__ import annotations

import ctypes
from pathlib import Path

from apps.console.supervisor.deathsig import prctl

PR_SET_NAME = 15  # <linux/prctl.h>
ARG_START, ARG_END = 45, 46  # in /proc/PID/stat after the name, see proc_pid_stat(5)


def set_title(title: str) -> None:
    """Show `title` in `ps` and `pgrep`, as much of it as the former command line has room for."""
    if prctl is None:
        return
    # The kernel reads a command line from the process's own memory, so that writing there is all.
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    start, end = int(fields[ARG_START]), int(fields[ARG_END])
    room = end - start
    ctypes.memmove(start, title.encode()[: room - 1].ljust(room, b"\0"), room)
    prctl(PR_SET_NAME, title.encode(), 0, 0, 0)  # the kernel takes 15 bytes of it
