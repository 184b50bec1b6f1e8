"""What every stand-in offers beside the platform's API: people who write, click and look.

A platform's stand says how an event looks (`say`, `click`, `send_file`) and what people see
(`visible`); pushing events with the vendor's repeats, and the page to chat in, are the same for
all (`push.py`, `page.py`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from apps.simulate.server import Answer, HttpStand

T = TypeVar("T")


@dataclass(frozen=True)
class Push:
    """One signed event on its way to the bot's address; `path` is added to that address."""

    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    query: dict[str, str] = field(default_factory=dict)
    method: str = "POST"
    path: str = ""
    #: The id of the message that was written, "" for a click; answers name it.
    message_id: str = ""


@dataclass
class Seen:
    """One message as people see it, whatever the platform calls its parts."""

    message_id: str
    chat: str
    text: str
    #: (label, what a click sends back).
    buttons: list[tuple[str, str]] = field(default_factory=list)
    #: The names of the inputs of a form, when it has one.
    inputs: list[str] = field(default_factory=list)
    #: (name, bytes) of files and pictures.
    files: list[tuple[str, bytes]] = field(default_factory=list)
    reply_to: str = ""
    private_to: str = ""
    edits: int = 0
    #: As the platform knows it: the whole message, for tests that look closer.
    raw: Any = None


class Desk(HttpStand):
    """A stand-in with people at it. `people` and `chats` are the ids that exist.

    `alice` and `bob` are people in every stand, `mallory` belongs to nobody; each has a private
    chat with the bot, and all are in one group. `who` of the methods is one of these names.
    """

    #: As `get_platform` knows it.
    platform = ""
    people: dict[str, str]  # name -> external id
    group = ""  # the id of the group's chat
    #: Where the bot takes its events; for a platform that asks there by itself.
    target = ""
    #: So many seconds after a failed push the vendor pushes again, and again.
    repeats_s: tuple[float, ...] = (15, 60, 300)

    def config(self, **changes: Any) -> dict[str, Any]:
        """The settings of a bot that talks to this stand."""
        raise NotImplementedError

    def add_person(self, name: str) -> None:
        """Let somebody else come to this stand, as Alice is there."""
        raise NotImplementedError

    def say(
        self,
        text: str,
        who: str = "alice",
        *,
        group: bool = False,
        mention: bool = True,
        message_id: str = "",
    ) -> Push:
        """The event of somebody who writes: to the bot, or in the group (with a mention of it)."""
        raise NotImplementedError

    def say_to_all(self, text: str, who: str = "alice") -> Push | None:
        """The event of somebody who mentions everybody in the group; None where nobody can."""
        return None

    def click(self, seen: Seen, value: str, who: str = "alice", **values: str) -> Push:
        """The event of somebody who presses a button; `values` are a form's inputs."""
        raise NotImplementedError

    def send_file(
        self,
        data: bytes,
        name: str,
        who: str = "alice",
        *,
        voice: bool = False,
        transcript: str = "",
    ) -> Push:
        """The event of somebody who sends a file (or speaks); its bytes can be fetched here."""
        raise NotImplementedError

    def again(self, push: Push) -> Push:
        """The same event as the vendor delivers it once more."""
        return push

    #: What a bot needs besides `config` to keep a connection of its own; None where it cannot.
    stream_config: Mapping[str, str] | None = None

    def through_connection(self, push: Push) -> bytes | None:
        """Deliver through the connection that the bot keeps; how it was acknowledged.

        None when the bot keeps none, or the platform has none: then it is pushed.
        """
        return None

    def wait_for(self, work: Coroutine[Any, Any, T]) -> T:
        """Run something on the stand's loop, from another thread or another loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    def revoke_tokens(self) -> None:
        """Make every access token invalid before its time, where there are any."""

    def too_many(self, seconds: int) -> Answer:
        """How the vendor says that it gets too many calls, and when to come again."""
        return Answer(429, {}, {"retry-after": str(seconds)})

    def taken(self, push: Push, body: bytes) -> list[Push]:
        """What the vendor does with the body of our 2xx: it may push something in its turn."""
        return []

    def visible(self) -> Sequence[Seen]:
        """What people see, oldest first."""
        raise NotImplementedError

    def answers_to(self, push: Push) -> list[Seen]:
        """What people see as answers to what was written, oldest first.

        Where the platform links nothing, everything that came in that chat after it.
        """
        return [seen for seen in self.visible() if seen.reply_to == push.message_id]
