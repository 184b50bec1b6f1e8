"""Documents that were added where nobody reads them at once (the console) are read by a worker.

The row is the truth: it stays `waiting` and is named again in a minute when nobody took it. The
call of the task may be lost or repeated.
"""

from __future__ import annotations

import structlog

from apps.core.clock import utcnow
from apps.knowledge import indexing
from clawdbot.celery import app, producers

log = structlog.get_logger(__name__)
TASK = "assistant.index"
QUEUE = "batch"
LIMIT_S = 1800


def hand_out() -> None:
    """Take documents back from silent workers, and call for one for each that waits."""
    indexing.sweep()
    for key in indexing.due(utcnow()):
        _call(key)


def _call(document_id: int) -> None:
    try:
        with producers().acquire(block=True, timeout=2) as producer:
            app.send_task(
                TASK, args=[document_id], queue=QUEUE, producer=producer, retry=False,
                time_limit=LIMIT_S, expires=indexing.AGAIN.total_seconds() * 4,
            )  # fmt: skip
    except Exception as error:  # noqa: BLE001 - each broker's library has errors of its own
        log.warning("documents.broker_away", document=document_id, error=type(error).__name__)
