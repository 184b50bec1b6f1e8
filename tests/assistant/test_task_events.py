"""What Flower is told of tasks goes out a few times a second, in batches; nothing is held back."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from celery import Celery
from celery.events.event import get_exchange
from kombu import Queue
from kombu.asynchronous import Hub

from apps.assistant import worker


class Listener:
    """A consumer as Celery builds it, on a broker in memory, and what arrives from it."""

    def __init__(self, app: Celery, hub: Hub) -> None:
        self.connection = app.connection_for_write()
        channel = self.connection.channel()
        self.queue: Any = Queue("seen", get_exchange(self.connection), routing_key="#")(channel)
        self.queue.declare()
        self.consumer = SimpleNamespace(hub=hub, on_send_event_buffered=None)
        self.dispatcher: Any = app.events.Dispatcher(self.connection, buffer_group=["task"])
        self.consumer.event_dispatcher = self.dispatcher
        self.consumer._flush_events = self.dispatcher.flush

    def happen(self, count: int) -> None:
        """So many events of tasks."""
        for _ in range(count):
            self.dispatcher.send("task-succeeded", uuid="x")

    def arrived(self) -> list[int]:
        """How many events were in each message since the last look."""
        found = []
        while (message := self.queue.get(no_ack=True)) is not None:
            found.append(len(message.payload))
        return found


@pytest.fixture
def listener() -> Iterator[Listener]:
    """Whose events are gathered."""
    with Celery("events", broker="memory://", set_as_current=False) as app:
        made = Listener(app, Hub())
        worker.gather_events(made.consumer)
        yield made
        made.dispatcher.disable()
        made.connection.close()


def wait(hub: Hub) -> None:
    """Let the hub's timers run until none is left."""
    while hub.timer.queue:
        hub.fire_timers(max_timers=10)


def test_events_go_out_together(listener: Listener) -> None:
    listener.happen(5)
    assert listener.arrived() == []
    wait(listener.consumer.hub)
    assert listener.arrived() == [5]
    listener.happen(1)
    wait(listener.consumer.hub)
    assert listener.arrived() == [1]


def test_many_events_wait_for_nothing(listener: Listener) -> None:
    listener.happen(listener.dispatcher.buffer_limit)
    assert listener.arrived() == [listener.dispatcher.buffer_limit]


def test_a_timer_that_got_lost_holds_nothing_back(
    listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "EVENTS_S", 0.01)
    listener.happen(1)
    listener.consumer.hub.timer.clear()
    while not listener.consumer.hub.timer.queue:
        listener.happen(1)
    wait(listener.consumer.hub)
    assert sum(listener.arrived()) >= 2
