"""The people at the stand-in of Feishu: what they write, click and send becomes signed events."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from apps.simulate.desk import Desk, Push, Seen
from apps.simulate.feishu_signer import Signer
from apps.simulate.server import Answer

GROUP = "oc_group"
PEOPLE = {name: f"ou_{name}" for name in ("alice", "bob", "mallory")}
#: The length that every voice message claims.
VOICE_MS = 1000


class FeishuPeople(Desk):
    """The outer half of `FeishuStand`; everything goes through its `signer`."""

    platform = "feishu"
    stream_config: Mapping[str, str] | None = {}
    group = GROUP
    repeats_s = (15, 300, 3600, 21600)
    signer: Signer
    #: The bytes of what people sent, by (message id, file key), with the file's name.
    sent_files: dict[tuple[str, str], tuple[str, bytes]]
    chats: set[str]
    users: set[str]
    #: Where a message was written.
    written_in: dict[str, str]
    #: What was signed, by the body that it became.
    events: dict[bytes, dict[str, Any]]

    def chat_of(self, who: str, *, group: bool = False) -> str:
        """The chat in which somebody writes."""
        return self.group if group else f"oc_{who}"

    def add_person(self, name: str) -> None:
        """With a private chat of theirs."""
        self.people[name] = f"ou_{name}"
        self.users.add(self.people[name])
        self.chats.add(self.chat_of(name))

    def say(
        self,
        text: str,
        who: str = "alice",
        *,
        group: bool = False,
        mention: bool = True,
        message_id: str = "",
    ) -> Push:
        """A text; in the group it begins with a mention of the bot."""
        at = [self.signer.at_bot()] if group and mention else None
        words = f"@_user_1 {text}" if at else text
        return self._written({"text": words}, "text", who, group, message_id, mentions=at)

    def say_to_all(self, text: str, who: str = "alice") -> Push:
        """A text in the group that mentions everybody."""
        return self._written({"text": f"@_all {text}"}, "text", who, True, "")

    def click(self, seen: Seen, value: str, who: str = "alice", **values: str) -> Push:
        """A click; `value` is the button's object as JSON, or any other string as it is."""
        try:
            sent: Any = json.loads(value)
        except ValueError:
            sent = value
        event = self.signer.click(
            sent, message_id=seen.message_id, chat=seen.chat, operator=self.people[who]
        )
        if values:
            event["event"]["action"]["form_value"] = values
        return self._push(event)

    def send_file(
        self,
        data: bytes,
        name: str,
        who: str = "alice",
        *,
        voice: bool = False,
        transcript: str = "",
    ) -> Push:
        """A file, a picture by its name, or a voice message, of which Feishu gives no words."""
        message_id, key = _message_id(), f"file_{uuid.uuid4().hex}"
        if voice:
            kind, content = "audio", {"file_key": key, "duration": VOICE_MS}
        elif name.lower().endswith((".png", ".jpg", ".jpeg", ".gif")):
            key = key.replace("file_", "img_")
            kind, content = "image", {"image_key": key}
        else:
            kind, content = "file", {"file_key": key, "file_name": name}
        self.sent_files[message_id, key] = (name, data)
        return self._written(content, kind, who, False, message_id)

    def again(self, push: Push) -> Push:
        """The same event id and ciphertext, signed anew."""
        return replace(push, headers=self.signer.headers(push.body))

    def too_many(self, seconds: int) -> Answer:
        """Rate limits of the gateway come with a header of its own."""
        body = {"code": 99991400, "msg": "request trigger frequency limit"}
        return Answer(429, body, {"x-ogw-ratelimit-reset": str(seconds)})

    def _written(
        self,
        content: dict[str, Any],
        kind: str,
        who: str,
        group: bool,
        message_id: str,
        **more: Any,
    ) -> Push:
        message_id, chat = message_id or _message_id(), self.chat_of(who, group=group)
        self.written_in[message_id] = chat
        event = self.signer.message(
            content,
            message_type=kind,
            sender=self.people[who],
            chat=chat,
            chat_type="group" if group else "p2p",
            message_id=message_id,
            **more,
        )
        return self._push(event, message_id)

    def _push(self, event: dict[str, Any], message_id: str = "") -> Push:
        body, headers = self.signer.sign(event)
        self.events[body] = event
        return Push(body, headers, message_id=message_id)


def _message_id() -> str:
    return "om_" + uuid.uuid4().hex
