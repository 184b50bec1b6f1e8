"""The people at the stand-in of Matrix: what they write and send becomes transactions."""

from __future__ import annotations

import itertools
import json
import time
import uuid
from typing import Any

from apps.simulate.desk import Desk, Push, Seen

SERVER = "stand.test"
BOT = f"@clawdbot:{SERVER}"
PEOPLE = {name: f"@{name}:{SERVER}" for name in ("alice", "bob", "mallory")}
GROUP = f"!group:{SERVER}"
AS_TOKEN, HS_TOKEN = "stand-as-token-0123456789", "stand-hs-token-0123456789"
Event = dict[str, Any]


class MatrixPeople(Desk):
    """The outer half of `MatrixStand`."""

    platform = "matrix"
    group = GROUP
    repeats_s = (2, 4, 8, 16, 32, 64)
    #: Who is in each room, invited (`invite`) or joined (`join`).
    members: dict[str, dict[str, str]]
    #: What happened in each room, oldest first; what the bot sends is among it.
    timeline: dict[str, list[Event]]
    media: dict[str, tuple[str, str, bytes]]  # by mxc address: name, type, bytes

    def __init__(self, port: int = 0) -> None:
        super().__init__(port)
        self._transactions = itertools.count(1)
        self.people = {}
        self.members = {GROUP: {BOT: "join"}}
        self.timeline = {GROUP: []}
        self.media = {}
        for name in PEOPLE:
            self.add_person(name)

    def add_person(self, name: str) -> None:
        """Who has a room with the bot, and is in the group."""
        user, room = f"@{name}:{SERVER}", room_of(name)
        self.people[name] = user
        self.members[room] = {user: "join", BOT: "join"}
        self.members[GROUP][user] = "join"
        self.timeline[room] = []

    def say(
        self,
        text: str,
        who: str = "alice",
        *,
        group: bool = False,
        mention: bool = True,
        message_id: str = "",
    ) -> Push:
        """A text; in the group it begins with a pill of the bot, as Element writes it."""
        content: Event = {"msgtype": "m.text", "body": text, "m.mentions": {}}
        if group and mention:
            content |= {
                "body": f"ClawdBot: {text}",
                "format": "org.matrix.custom.html",
                "formatted_body": f'<a href="https://matrix.to/#/{BOT}">ClawdBot</a>: {text}',
                "m.mentions": {"user_ids": [BOT]},
            }
        return self.push(self.written(content, who, self._room(who, group), message_id))

    def say_to_all(self, text: str, who: str = "alice") -> Push:
        """A text in the group that mentions everybody."""
        content = {"msgtype": "m.text", "body": f"@room {text}", "m.mentions": {"room": True}}
        return self.push(self.written(content, who, GROUP))

    def send_file(
        self,
        data: bytes,
        name: str,
        who: str = "alice",
        *,
        voice: bool = False,
        transcript: str = "",
    ) -> Push:
        """A file, a picture by its name, or a voice message, of which Matrix gives no words."""
        address = f"mxc://{SERVER}/{uuid.uuid4().hex}"
        picture = name.lower().endswith((".png", ".jpg", ".jpeg", ".gif"))
        kind = "m.audio" if voice else "m.image" if picture else "m.file"
        mime = {"m.audio": "audio/ogg", "m.image": "image/png"}.get(kind, "text/plain")
        self.media[address] = (name, mime, data)
        info = {"mimetype": mime, "size": len(data)} | ({"duration": 1000} if voice else {})
        content: Event = {"msgtype": kind, "body": name, "filename": name, "url": address}
        content |= {"info": info, "m.mentions": {}}
        if voice:
            content |= {"org.matrix.msc3245.voice": {}, "org.matrix.msc1767.audio": {}}
        return self.push(self.written(content, who, room_of(who)))

    def invite(self, who: str = "alice", *, direct: bool = True, room: str = "") -> Push:
        """Somebody makes a room and invites the bot."""
        room = room or f"!{uuid.uuid4().hex}:{SERVER}"
        self.members.setdefault(room, {self.people[who]: "join"})[BOT] = "invite"
        self.timeline.setdefault(room, [])
        content = {"membership": "invite", "is_direct": direct}
        return self.push(self.happened(room, self.people[who], "m.room.member", content, BOT))

    def written(
        self, content: Event, who: str, room: str, message_id: str = "", **more: Any
    ) -> Event:
        """A message in a room, as an event."""
        return self.happened(
            room, self.people[who], "m.room.message", content, event_id=message_id, **more
        )

    def happened(
        self,
        room: str,
        sender: str,
        kind: str,
        content: Event,
        state_key: str | None = None,
        event_id: str = "",
        **more: Any,
    ) -> Event:
        """Any event of a room, kept in its timeline."""
        event = {
            "type": kind,
            "event_id": event_id or "$" + uuid.uuid4().hex,
            "room_id": room,
            "sender": sender,
            "origin_server_ts": int(time.time() * 1000),
            "content": content,
            "unsigned": {"age": 5},
            **({} if state_key is None else {"state_key": state_key}),
            **more,
        }
        self.timeline[room].append(event)
        return event

    def push(self, *events: Event, token: str = HS_TOKEN) -> Push:
        """A transaction with these events."""
        return Push(
            json.dumps({"events": list(events)}, ensure_ascii=False).encode(),
            {"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
            method="PUT",
            path=f"_matrix/app/v1/transactions/{next(self._transactions)}",
            message_id=str(events[-1]["event_id"]) if events else "",
        )

    def visible(self) -> list[Seen]:
        """The bot's messages, each as its newest edit shows it."""
        found: dict[str, Seen] = {}
        ours = [e for room in self.timeline.values() for e in room if _is_message(e)]
        for event in sorted(ours, key=lambda one: int(one["number"])):
            content = event["content"]
            relation = content.get("m.relates_to", {})
            if relation.get("rel_type") == "m.replace":
                shown = found[relation["event_id"]]
                shown.text, shown.raw = content["m.new_content"]["body"], event
                shown.edits += 1
                continue
            found[event["event_id"]] = self._seen(event, content, relation)
        return list(found.values())

    def _seen(self, event: Event, content: Event, relation: Event) -> Seen:
        room = event["room_id"]
        others = [one for one in self.members[room] if one != BOT]
        alone = room.startswith("!dm") and len(others) == 1
        files = [self.media[content["url"]]] if "url" in content else []
        return Seen(
            event["event_id"],
            room,
            content["body"],
            files=[(name, data) for name, _, data in files],
            reply_to=relation.get("m.in_reply_to", {}).get("event_id", ""),
            private_to=others[0] if alone else "",
            raw=event,
        )

    def _room(self, who: str, group: bool) -> str:
        return GROUP if group else room_of(who)


def room_of(who: str) -> str:
    """The room of one person and the bot."""
    return f"!{who}:{SERVER}"


def _is_message(event: Event) -> bool:
    return (event["sender"], event["type"]) == (BOT, "m.room.message")
