"""The sending side of a platform: signed messages at a steady rate, again until they are accepted.

Like the platforms it sends the same event, under the same ids, until it gets a 2xx.
"""

from __future__ import annotations

import queue
import threading
import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from apps.simulate import webhook
from tests.stack.post import PATIENCE_S, post

HANDS = 12
AGAIN_S = 0.4


@dataclass(frozen=True)
class Attempt:
    """One delivery of an event to us. Status 0 is a connection that broke: who knows."""

    began: float
    ended: float
    status: int

    @property
    def outcome(self) -> str:
        """`ok`, `failed`, or `unknown`."""
        if self.status == 0:
            return "unknown"
        return "ok" if 200 <= self.status < 300 else "failed"


@dataclass
class Event:
    """One message on a `webhook` bot, and every answer that it got."""

    body: dict[str, Any]
    event_id: str
    slug: str
    attempts: list[Attempt] = field(default_factory=list)
    accepted_at: float = 0.0

    @property
    def id(self) -> str:
        """What answers refer to."""
        return str(self.body["id"])

    @property
    def statuses(self) -> list[int]:
        """The answers' statuses; 0 stands for a connection that broke."""
        return [attempt.status for attempt in self.attempts]

    def request(self) -> tuple[str, bytes, dict[str, str]]:
        """Path, body and headers, signed now."""
        body, headers = webhook.signed(self.body, event_id=self.event_id)
        return f"/webhooks/webhook/{self.slug}/", body, headers


Sent = TypeVar("Sent", bound=Event)


class Sender(Generic[Sent]):
    """Sends the events between `with` and its end, `rate` a second."""

    def __init__(self, port: int, events: list[Sent], rate: float, hands: int = HANDS) -> None:
        self.events = events
        self._port, self._rate = port, rate
        self._due: queue.PriorityQueue[tuple[float, int]] = queue.PriorityQueue()
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(hands)]

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
        return sum(1 for event in self.events if event.attempts)

    @property
    def accepted(self) -> list[Sent]:
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
            attempt = self.send(event)
            event.attempts.append(attempt)
            if attempt.outcome == "ok":
                event.accepted_at = attempt.ended
            else:
                self._due.put((time.monotonic() + AGAIN_S, number))

    def send(self, event: Sent) -> Attempt:
        """Deliver it once."""
        path, body, headers = event.request()
        began = time.monotonic()
        status = post(self._port, path, body, headers)
        return Attempt(began, time.monotonic(), status)


def events(count: int, people: list[str], job_every: int, tag: str, slug: str) -> list[Event]:
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
        made.append(Event(body, f"evt-{tag}-{number}", slug))
    return made
