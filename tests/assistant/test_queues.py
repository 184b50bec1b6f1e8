"""A worker sees that one of its queues is gone (RabbitMQ)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from celery import Celery
from kombu import Connection, pools

from apps.assistant import queues


@pytest.fixture
def rabbit(rabbitmq_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Connection]:
    """A connection to a server; the code under test publishes there too."""
    pool = pools.ProducerPool(Connection(rabbitmq_url).Pool(2), limit=2)
    monkeypatch.setattr(queues, "producers", lambda: pool)
    with Connection(rabbitmq_url) as connection:
        yield connection
    pool.force_close_all()


def make(connection: Connection, name: str) -> None:
    channel = connection.channel()
    channel.queue_declare(queue=name, durable=True, auto_delete=True)  # with its last consumer


@pytest.mark.rabbitmq
def test_a_queue_that_is_gone_or_unattended_is_missing(rabbit: Connection) -> None:
    assert queues.missing(["clawdbot.test.a"]) == ["clawdbot.test.a"]
    make(rabbit, "clawdbot.test.a")
    assert queues.missing(["clawdbot.test.a"]) == ["clawdbot.test.a"]
    channel = rabbit.channel()
    channel.basic_consume("clawdbot.test.a", callback=lambda message: None)
    assert queues.missing(["clawdbot.test.a"]) == []
    channel.queue_delete("clawdbot.test.a")
    assert queues.missing(["clawdbot.test.a"]) == ["clawdbot.test.a"]


@pytest.mark.rabbitmq
def test_it_asks_for_a_new_connection_only_then(rabbit: Connection) -> None:
    calls: list[int] = []
    watch = queues.QueueWatch(["clawdbot.test.b"], lambda: calls.append(1))
    watch.look()
    assert calls == [1]
    make(rabbit, "clawdbot.test.b")
    rabbit.channel().basic_consume("clawdbot.test.b", callback=lambda message: None)
    watch.look()
    assert calls == [1]


def test_a_broker_that_is_away_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    app = Celery(broker="amqp://127.0.0.1:9//")
    pool = pools.producers[app.connection(connect_timeout=1)]
    monkeypatch.setattr(queues, "producers", lambda: pool)
    calls: list[int] = []
    queues.QueueWatch(["clawdbot.test.c"], lambda: calls.append(1)).look()
    assert calls == []
