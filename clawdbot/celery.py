"""The Celery app: lanes as queues, safe defaults, the same on Redis and RabbitMQ.

A task carries ids only. Losing or repeating one is harmless: the rows are the truth.
"""

from __future__ import annotations

import os
import sys
from functools import cache
from typing import Any

from celery import Celery
from kombu import Exchange, Queue, pools
from kombu.pools import ProducerPool

from clawdbot.lanes import LANES

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "clawdbot.settings.base")

from django.conf import settings

app = Celery("clawdbot")

# Above the longest job: Redis hands an unacknowledged message out again after this many seconds.
VISIBILITY_S = 7200
BROKER_IS_REDIS = not settings.CELERY_BROKER_URL.startswith("amqp")


def queue(lane: str) -> Queue:
    """One lane as a queue: a list on Redis, a quorum queue on RabbitMQ."""
    arguments: dict[str, Any] = {}
    if not BROKER_IS_REDIS:
        arguments = {"x-queue-type": "quorum", "x-delivery-limit": 5}
    exchange = Exchange("clawdbot", type="direct", durable=True)
    return Queue(lane, exchange, routing_key=lane, queue_arguments=arguments, durable=True)


def transport_options() -> dict[str, Any]:
    """Timeouts everywhere: a socket without one can leave a worker alive and deaf."""
    if not BROKER_IS_REDIS:
        return {"confirm_publish": True, "read_timeout": 10, "write_timeout": 10}
    return {
        "visibility_timeout": VISIBILITY_S,
        "unacked_restore_interval": 1,
        "unacked_restore_throttle": 1,
        "socket_timeout": 30,
        "socket_connect_timeout": 5,
        "socket_keepalive": True,
        "health_check_interval": 10,
        "retry_on_timeout": True,
    }


def impatient() -> dict[str, Any]:
    """The same for those who publish. What they say can be said again; they have other work."""
    if not BROKER_IS_REDIS:
        return {"confirm_publish": True, "read_timeout": 3, "write_timeout": 3}
    short = {"socket_timeout": 3, "socket_connect_timeout": 2, "retry_on_timeout": False}
    return {**transport_options(), **short}


@cache
def producers() -> ProducerPool:
    """Where to get a producer that gives up on a silent broker within seconds."""
    pool: ProducerPool = pools.producers[app.connection_for_write(transport_options=impatient())]
    return pool


app.conf.update(
    broker_url=settings.CELERY_BROKER_URL,
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    broker_connection_timeout=5,
    broker_transport_options=transport_options(),
    task_queues=[queue(lane) for lane in LANES],
    task_default_queue="normal",
    task_default_exchange="clawdbot",
    task_default_routing_key="normal",
    task_create_missing_queues=False,
    task_serializer="json",
    accept_content=["json"],
    result_backend=None,
    task_ignore_result=True,
    task_acks_late=True,
    task_reject_on_worker_lost=False,  # the row's lease brings the work back, not the broker
    task_publish_retry=True,
    task_publish_retry_policy={"max_retries": 1, "interval_start": 0, "interval_max": 0.2},
    task_send_sent_event=False,
    worker_send_task_events=True,
    worker_prefetch_multiplier=1,
    worker_detect_quorum_queues=True,
    worker_hijack_root_logger=False,
    worker_redirect_stdouts=False,
    worker_max_tasks_per_child=1000,
    worker_max_memory_per_child=400_000,
    worker_cancel_long_running_tasks_on_connection_loss=False,
    worker_enable_remote_control=True,
    enable_utc=True,
    timezone="UTC",
    beat_scheduler="apps.schedules.scheduler:LeaderScheduler",
    beat_max_loop_interval=5,
)
# Celery closes the database's connection after every task, and with it go all prepared statements,
# and on PostgreSQL a server process. Broken ones are closed in apps.assistant.worker instead.
app.conf["CELERY_DB_REUSE_MAX"] = sys.maxsize
app.autodiscover_tasks(["apps.assistant", "apps.schedules"])
