"""Pushes events to an installation as the vendors do: until it says 2xx, with pauses between."""

from __future__ import annotations

import http.client
import threading
import time
from dataclasses import dataclass, field
from urllib.parse import urlencode, urlsplit

from websockets.exceptions import ConnectionClosed

from apps.simulate.desk import Desk, Push

PATIENCE_S = 10.0
#: The vendors' pauses (minutes, hours) at the pace of somebody who watches.
SCALE = 10
LONGEST_PAUSE_S = 30.0
#: A bot that kept a connection so recently makes a new one: nothing is pushed to its address.
BETWEEN_S = 60.0


@dataclass(frozen=True)
class Attempt:
    """One push as it was answered; `status` 0 when nobody answered."""

    status: int
    body: bytes = b""
    why: str = ""

    @property
    def taken(self) -> bool:
        """Did the installation accept it?"""
        return 200 <= self.status < 300


@dataclass
class Event:
    """One event and what became of it so far."""

    push: Push
    attempts: list[Attempt] = field(default_factory=list)
    #: When it is pushed again (by `time.monotonic`), 0 = never.
    next_at: float = 0.0


def post(target: str, push: Push) -> Attempt:
    """Push once to the bot's address."""
    parts = urlsplit(target)
    secure = parts.scheme == "https"
    kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
    query = {name: value for name, value in push.query.items() if name != "__raw__"}
    path = parts.path + push.path + (f"?{urlencode(query)}" if query else "")
    connection = kind(parts.hostname or "", parts.port, timeout=PATIENCE_S)
    try:
        connection.request(push.method, path, push.body or None, push.headers)
        answer = connection.getresponse()
        return Attempt(answer.status, answer.read())
    except (OSError, http.client.HTTPException) as error:
        return Attempt(0, why=f"{type(error).__name__}: {error}")
    finally:
        connection.close()


class Pusher:
    """Pushes in the background, each event in a thread of its own, until `close`."""

    def __init__(self, desk: Desk, target: str) -> None:
        self.desk = desk
        self.aim(target)
        self._ending = threading.Event()
        self._carried_at = float("-inf")  # when a bot's own connection last took something

    @property
    def target(self) -> str:
        """The bot's address."""
        return self.desk.target

    def aim(self, target: str) -> None:
        """Push there from now on."""
        self.desk.target = target

    def close(self) -> None:
        """Push nothing again."""
        self._ending.set()

    def send(self, push: Push) -> Event:
        """Push until it is taken; returns at once."""
        event = Event(push)
        threading.Thread(target=self._carry, args=(event,), daemon=True).start()
        return event

    def again(self, event: Event) -> None:
        """Push once more, as a vendor does that missed our answer; returns at once."""
        repeat = self.desk.again(event.push)
        threading.Thread(target=self._once, args=(event, repeat), daemon=True).start()

    def _carry(self, event: Event) -> None:
        """Push, and again after each pause of the vendor's, until it is taken."""
        if self._once(event, event.push):
            return
        for pause in self.desk.repeats_s:
            wait = min(pause / SCALE, LONGEST_PAUSE_S)
            event.next_at = time.monotonic() + wait
            if self._ending.wait(wait):
                return
            event.next_at = 0.0
            if self._once(event, self.desk.again(event.push)):
                return

    def _through_connection(self, push: Push) -> Attempt | None:
        try:
            answer = self.desk.through_connection(push)
        except (TimeoutError, OSError, ConnectionClosed) as error:
            return Attempt(0, why=f"{type(error).__name__}: {error}")
        if answer is not None:
            self._carried_at = time.monotonic()
            return Attempt(200, answer)
        if time.monotonic() - self._carried_at < BETWEEN_S:
            return Attempt(0, why="the bot's connection is away")
        return None

    def _once(self, event: Event, push: Push) -> bool:
        carried = self._through_connection(push)
        attempt = carried or post(self.target, push)
        event.attempts.append(attempt)
        if attempt.taken and carried is None:
            for more in self.desk.taken(push, attempt.body):
                self.send(more)
        return attempt.taken
