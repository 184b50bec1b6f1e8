"""What a Celery worker does besides tasks: the sweeper, and a clean end of what is under way."""

from __future__ import annotations

import os
import socket
from typing import Any

import structlog
from celery.signals import worker_process_shutdown, worker_ready, worker_shutdown

from apps.assistant.sweeper import Learner, Sweeper
from apps.core import metrics
from apps.im import sender as sending
from clawdbot.lanes import WAITING_LANES

log = structlog.get_logger(__name__)
FLUSH_S = 5.0
_sweepers: list[Sweeper] = []


@worker_ready.connect
def start(sender: Any = None, **kwargs: Any) -> None:
    """Start the sweeper once this worker consumes its lanes."""
    consumer = sender
    lanes = sorted(str(name) for name in consumer.app.amqp.queues.consume_from)
    slots = int(consumer.controller.concurrency or 1)
    name = f"{socket.gethostname()}:{os.getpid()}"
    sweeper = Sweeper(name, lanes, slots, serves=bool(set(lanes) & set(WAITING_LANES)))
    sweeper.tick()
    sweeper.start()
    if sweeper.serves:
        Learner().start()
    _sweepers.append(sweeper)


@worker_process_shutdown.connect
def flush_counts(**kwargs: Any) -> None:
    """A pool process runs no exit handlers; what it counted last would be lost."""
    metrics.flush()


@worker_shutdown.connect
def stop(**kwargs: Any) -> None:
    """Finish the deliveries under way and stop the sweeper."""
    for sweeper in _sweepers:
        sweeper.stop()
    if not sending.sender.flush(FLUSH_S):
        log.warning("worker.deliveries_left", hint="their leases run out and they are repeated")
