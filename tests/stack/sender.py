"""The sending side of a platform: signed messages at a steady rate, again until they are accepted.

Like the platforms it sends the same event, under the same ids, until it gets a 2xx.
"""

from __future__ import annotations

import queue
import threading
import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from tests.stack.post import PATIENCE_S, post
from tests.stands import webhook

HANDS = 12
AGAIN_S = 0.4


@dataclass
class Event:
    """One message, and every answer that it got; 0 stands for a connection that broke."""

    body: dict[str, Any]
    event_id: str
    statuses: list[int] = field(default_factory=list)
    accepted_at: float = 0.0

    @property
    def id(self) -> str:
        """What answers refer to."""
        return str(self.body["id"])


class Sender:
    """Sends the events between `with` and its end, `rate` a second."""

    def __init__(self, port: int, slug: str, events: list[Event], rate: float) -> None:
        self.events = events
        self._port, self._path, self._rate = port, f"/webhooks/webhook/{slug}/", rate
        self._due: queue.PriorityQueue[tuple[float, int]] = queue.PriorityQueue()
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(HANDS)]

    def __enter__(self) -> Self:
        began = time.monotonic()
        for number in range(len(self.events)):
            self._due.put((began + number / self._rate, number))
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(PATIENCE_S + 5)

    @property
    def tried(self) -> int:
        """How many events were sent at least once."""
        return sum(1 for event in self.events if event.statuses)

    @property
    def accepted(self) -> list[Event]:
        """The events that got a 2xx."""
        return [event for event in self.events if event.accepted_at]

    def done(self) -> bool:
        """Is everything accepted?"""
        return len(self.accepted) == len(self.events)

    def odd(self) -> dict[int, int]:
        """The answers that were neither 2xx, 503 nor a broken connection, counted."""
        found: dict[int, int] = {}
        for status in (s for event in self.events for s in event.statuses):
            if status not in {0, 503} and not 200 <= status < 300:
                found[status] = found.get(status, 0) + 1
        return found

    def _work(self) -> None:
        while not self._over.is_set():
            try:
                due, number = self._due.get(timeout=0.2)
            except queue.Empty:
                continue
            if self._over.wait(max(0.0, due - time.monotonic())):
                return
            event = self.events[number]
            status = self._send(event)
            event.statuses.append(status)
            if 200 <= status < 300:
                event.accepted_at = time.monotonic()
            else:
                self._due.put((time.monotonic() + AGAIN_S, number))

    def _send(self, event: Event) -> int:
        body, headers = webhook.signed(event.body, event_id=event.event_id)
        return post(self._port, self._path, body, headers)


def events(count: int, people: list[str], job_every: int, tag: str) -> list[Event]:
    """Messages of these people in turn, each in a chat of their own; some ask for a job."""
    made = []
    for number in range(count):
        person = people[number % len(people)]
        body = {
            "id": f"{tag}-{number}",
            "sender": {"id": person, "name": person},
            "conversation": {"id": f"c-{person}", "type": "private"},
            "text": "/host" if number % job_every == job_every - 1 else "/ping",
        }
        made.append(Event(body, f"evt-{tag}-{number}"))
    return made
