"""Are the queues of this worker still there? On RabbitMQ somebody can delete one.

The server then tells its consumers, who connect anew and declare it again. A worker that is just
connecting may miss that, and would wait for ever at a queue that is gone; so each looks at times.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Sequence
from typing import Any

import structlog
from amqp.exceptions import NotFound

from clawdbot.celery import producers

log = structlog.get_logger(__name__)
LOOK_S = 5.0


class QueueWatch(threading.Thread):
    """Looks every few seconds; calls `again` when a queue is missing."""

    def __init__(self, lanes: Sequence[str], again: Callable[[], object]) -> None:
        super().__init__(name="queues", daemon=True)
        self._lanes = lanes
        self._again = again

    def run(self) -> None:
        """Look as long as the process lives."""
        pause = threading.Event()
        while not pause.wait(LOOK_S):
            self.look()

    def look(self) -> None:
        """Look once; a broker that does not answer is left to those who wait for it anyway."""
        try:
            gone = missing(self._lanes)
        except Exception as error:  # noqa: BLE001 - each broker's library has errors of its own
            log.info("queues.unseen", error=type(error).__name__)
            return
        if gone:
            log.warning("queues.missing", lanes=gone)
            self._again()


def missing(lanes: Sequence[str]) -> list[str]:
    """Those of these queues that the broker does not have, or at which nobody waits.

    (Whoever publishes a job declares its queue, and waits at none.)
    """
    return [lane for lane in lanes if not _consumers(lane)]


def _consumers(lane: str) -> int:
    with producers().acquire(block=True, timeout=2) as producer:
        connection: Any = producer.connection
        channel = connection.channel()  # the answer "no" closes it
        try:
            return int(channel.queue_declare(queue=lane, passive=True).consumer_count)
        except NotFound:
            return 0
        finally:
            channel.close()


def connect_anew(consumer: Any) -> None:
    """Let a worker's consumer lose its connection: it makes another and declares its queues."""
    transport = consumer.connection.connection.transport
    transport.sock.shutdown(socket.SHUT_RDWR)
