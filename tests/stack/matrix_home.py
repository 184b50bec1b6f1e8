"""An installation, a real homeserver beside it, and people at real clients."""

from __future__ import annotations

import itertools
import json
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.console.stack import wait_for
from tests.services.synapse import BOT, Synapse
from tests.stack.installation import Installation

CLIENT = Path(__file__).resolve().parents[1] / "services" / "matrix_client.py"
OFFICE = "office"
ANSWER_S = 60.0
Event = dict[str, Any]


class Client:
    """Somebody's client, as long as it runs; calls are those of `matrix_client.Person`."""

    def __init__(self, synapse: Synapse, name: str) -> None:
        password = f"password of {name}"
        self.user = synapse.add_person(name, password)
        argv = [str(synapse.python), str(CLIENT), synapse.url, self.user, password]
        self._process = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._numbers = itertools.count()

    def call(self, call: str, **arguments: Any) -> Any:
        """Let the client do something; returns what came of it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"name": call, "arguments": arguments}) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        assert "error" not in answer, f"{call}: {answer['error']}"
        return answer["value"]

    def say(self, room: str, text: str, **more: Any) -> str:
        """Type something; returns the event's id."""
        return self.post(room, {"msgtype": "m.text", "body": text, **more})

    def post(self, room: str, content: dict[str, Any]) -> str:
        """Send any content; returns the event's id."""
        sent = self.call("send", room=room, content=content, txn=f"m{next(self._numbers)}")
        return str(sent)

    def room_with_bot(self, *others: str, direct: bool = True, **more: Any) -> str:
        """A new room into which the bot was invited, once it has come."""
        room = str(self.call("create_room", invite=[BOT, *others], direct=direct, **more))
        wait_for(lambda: self.has(room, BOT), ANSWER_S, "the bot's joining")
        return room

    def has(self, room: str, user: str) -> bool:
        """Is somebody in the room?"""
        return bool(self.call("membership", room=room, user=user) == "join")

    def from_bot(self, room: str) -> list[Event]:
        """The messages of the bot that the client was shown."""
        return [one for one in self.call("messages", room=room) if one["sender"] == BOT]

    def answers(self, room: str, event_id: str) -> list[Event]:
        """Those that answer one message."""
        return [one for one in self.from_bot(room) if answered(one) == event_id]

    def answer(self, room: str, event_id: str) -> str:
        """The words of the answer to a message, once it is there."""
        wait_for(lambda: self.answers(room, event_id), ANSWER_S, "an answer")
        return str(self.answers(room, event_id)[0]["content"]["body"])

    def end(self) -> None:
        """Close the client."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class MatrixHome:
    """Everything is running between `with` and its end. Raises `Missing` without a homeserver."""

    def __init__(self, folder: Path, **env: str) -> None:
        self.synapse = Synapse()
        self.home = Installation(folder / "home", **env)
        self.clients: list[Client] = []

    def __enter__(self) -> Self:
        try:
            self.home.up()
            where = f"http://127.0.0.1:{self.home.port}/webhooks/matrix/{OFFICE}"
            self.synapse.start(where)
            self.home.add_bot("matrix", OFFICE, self.synapse.bot_settings())
            self.alice, self.bob, self.mallory = map(self.client, ("alice", "bob", "mallory"))
            for one in (self.alice, self.bob):
                self.bind(one)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def client(self, name: str) -> Client:
        """A new user at a client of theirs."""
        made = Client(self.synapse, name)
        self.clients.append(made)
        return made

    def bind(self, client: Client) -> None:
        """Say, as an operator does, who is behind a Matrix id."""
        name = client.user.partition(":")[0].removeprefix("@")
        identity = f"matrix:{OFFICE}:{client.user}"
        self.home.command("person", "add", name, "--role", "member", "--identity", identity)

    def close(self) -> None:
        """End the clients, the installation and the homeserver."""
        for client in self.clients:
            client.end()
        self.home.end()
        self.synapse.remove()


def answered(event: Event) -> str:
    """The id of the message that an event replies to."""
    relation = event["content"].get("m.relates_to", {})
    return str(relation.get("m.in_reply_to", {}).get("event_id", ""))
