"""What runs inside a Celery worker of `up`: the ready mark, children that die with it, a quick end.

Loaded by `celery worker -I apps.console.supervisor.inside`.
"""

from __future__ import annotations

import atexit
import gc
import os
from pathlib import Path
from typing import Any

from celery.signals import worker_process_init, worker_ready
from django.conf import settings

from apps.console.supervisor.deathsig import die_with_parent

# Python's last look for garbage costs a second of processor time, and all of it goes anyway.
atexit.register(gc.freeze)


def ready_mark(home: Path, role: str) -> Path:
    """The file that a worker writes when it begins to take work."""
    return home / "run" / f"{role}.ready"


@worker_ready.connect
def mark_ready(sender: Any, **_: Any) -> None:
    """Tell `up`; the role is the node's name before the `@`."""
    role = str(sender.hostname).partition("@")[0]
    ready_mark(settings.CLAWDBOT_HOME, role).touch(mode=0o600)


@worker_process_init.connect
def die_with_worker(**_: Any) -> None:
    """A pool child otherwise finishes its task first, however its worker died."""
    die_with_parent(os.getppid())
