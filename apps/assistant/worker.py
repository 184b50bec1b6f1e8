"""What a Celery worker does besides tasks: the sweeper, and a clean end of what is under way."""

from __future__ import annotations

import os
import socket
import time
from functools import partial
from typing import Any

import structlog
from billiard.exceptions import TimeLimitExceeded, WorkerLostError
from celery.signals import (
    task_failure,
    task_prerun,
    worker_process_init,
    worker_process_shutdown,
    worker_ready,
    worker_shutdown,
)
from celery.worker import state
from django.db import close_old_connections

from apps.assistant import jobs, queues, watch
from apps.assistant.sweeper import Learner, Sweeper
from apps.core import metrics
from apps.im import sender as sending
from clawdbot.celery import BROKER_IS_REDIS
from clawdbot.lanes import WAITING_LANES

log = structlog.get_logger(__name__)
FLUSH_S = 5.0
EVENTS_S = 0.25
_sweepers: list[Sweeper] = []


@worker_ready.connect
def start(sender: Any = None, **kwargs: Any) -> None:
    """Start the sweeper once this worker consumes its lanes."""
    consumer = sender
    gather_events(consumer)
    lanes = sorted(str(name) for name in consumer.app.amqp.queues.consume_from)
    slots = int(consumer.controller.concurrency or 1)
    name = f"{socket.gethostname()}:{os.getpid()}"
    serves = bool(set(lanes) & set(WAITING_LANES))
    sweeper = Sweeper(name, lanes, slots, serves=serves, active=active)
    sweeper.tick()
    sweeper.start()
    if sweeper.serves:
        Learner().start()
    if not BROKER_IS_REDIS:
        queues.QueueWatch(lanes, partial(queues.connect_anew, consumer)).start()
    _sweepers.append(sweeper)


def gather_events(consumer: Any) -> None:
    """Tell Flower of tasks a few times a second, not of each event at once.

    Celery gathers events, but sends what it has with the next turn of its loop: some 0.2 ms here,
    and as much again in Flower, for each. Two dozen are sent at once as before.
    """
    if consumer.hub is None:
        return
    due = 0.0

    def later() -> None:
        nonlocal due
        now = time.monotonic()
        # By the clock: a timer that a lost broker took with it must not be waited for.
        if now >= due:
            due = now + EVENTS_S
            consumer.hub.call_later(EVENTS_S, consumer._flush_events)

    consumer.on_send_event_buffered = later  # for the dispatchers after a lost broker
    if consumer.event_dispatcher is not None:
        consumer.event_dispatcher.on_send_buffered = later


def active() -> list[tuple[int, int]]:
    """The (job, attempt) pairs that run in this worker now."""
    try:
        requests = [r for r in state.active_requests if r.name.startswith(jobs.TASK_PREFIX)]
    except RuntimeError:
        return []  # it changed while we looked, from another thread; there is a next time
    return [(r.args[0], jobs.attempt_of(r.id)) for r in requests]


@task_failure.connect
def look(
    sender: Any = None, task_id: str = "", exception: Any = None, args: Any = (), **kwargs: Any
) -> None:
    """Tell the sweeper of a job whose process is gone, so that nobody waits for its lease."""
    if not isinstance(exception, (WorkerLostError, TimeLimitExceeded)):
        return
    if str(sender.name).startswith(jobs.TASK_PREFIX):
        for sweeper in _sweepers:
            sweeper.died(args[0], jobs.attempt_of(task_id))


@task_prerun.connect
def let_go_of_broken_connections(**kwargs: Any) -> None:
    """A task goes on with the connection of the last one, unless that failed or is gone."""
    close_old_connections()


@worker_process_init.connect
def be_expendable(**kwargs: Any) -> None:
    """A process of the pool may be ended when a skill does not let go of it."""
    watch.expendable = True


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
