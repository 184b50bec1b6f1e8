"""What runs inside the Celery children of `up`: signs of life, a pool that dies with its worker, a
quick end. They find their app here, with `celery -A apps.console.supervisor.inside`.
"""

from __future__ import annotations

import atexit
import gc
import os
from pathlib import Path
from typing import Any

from celery.signals import beat_init, worker_process_init, worker_ready
from django.conf import settings
from django.dispatch import receiver

from apps.console.supervisor.deathsig import die_with_parent
from apps.core.private import mark
from apps.core.signs import looked
from clawdbot.celery import app

__all__ = ["app"]

# Python's last look for garbage costs a second of processor time, and all of it goes anyway.
atexit.register(gc.freeze)
_mark: Path | None = None


@beat_init.connect
def will_look(**_: Any) -> None:
    """Beat is ready when it looked for the first time."""
    global _mark
    _mark = mark(settings.CLAWDBOT_HOME, "beat")


@worker_ready.connect
def mark_ready(sender: Any, **_: Any) -> None:
    """Tell `up`; the role is the node's name before the `@`."""
    global _mark
    _mark = mark(settings.CLAWDBOT_HOME, str(sender.hostname).partition("@")[0])
    say_alive()


@receiver(looked)
def say_alive(**_: Any) -> None:
    """Tell `up`, which takes long silence for a hang."""
    if _mark is not None:
        _mark.touch(mode=0o600)


@worker_process_init.connect
def die_with_worker(**_: Any) -> None:
    """A pool child otherwise finishes its task first, however its worker died."""
    die_with_parent(os.getppid())
