"""The people at the stand-in of DingTalk: what they write, click and send becomes callbacks."""

from __future__ import annotations

import json
import uuid
from dataclasses import replace
from typing import Any

from apps.simulate import dingtalk_signer as signer_of
from apps.simulate.desk import Desk, Push, Seen
from apps.simulate.dingtalk_signer import Signer
from apps.simulate.server import Answer

GROUP = "cid-group"
PEOPLE = {name: f"staff-{name}" for name in ("alice", "bob", "mallory")}
#: The length that every voice message claims.
VOICE_MS = 1200
SESSION = "/robot/sendBySession"


class DingTalkPeople(Desk):
    """The outer half of `DingTalkStand`; everything goes through its `signer`."""

    group = GROUP
    signer: Signer
    #: The bytes of what people sent, by their download codes, with the file's name.
    sent_files: dict[str, tuple[str, bytes]]
    #: Chat and message of each reply address that was given out.
    sessions: dict[str, tuple[str, str]]
    #: Chat of each message, and how much was shown before it.
    written: dict[str, tuple[str, int]]
    #: The secret that clicks over HTTP are signed with, once it was registered.
    click_secret: str

    def chat_of(self, who: str, *, group: bool = False) -> str:
        """The chat in which somebody writes."""
        return self.group if group else f"cid-{who}"

    def add_person(self, name: str) -> None:
        """One more of the staff."""
        self.people[name] = f"staff-{name}"

    def shown_so_far(self) -> int:
        """How many messages people see."""
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
        """A text; DingTalk cuts the mention of the robot out of it."""
        body = {"text": {"content": f" {text}" if group else text}}
        return self._written("text", body, who, group, message_id, mention=mention)

    def click(self, seen: Seen, value: str, who: str = "alice", **values: str) -> Push:
        """A click; `value` is what the button carries."""
        kind = "IM_GROUP" if seen.chat == self.group else "IM_ROBOT"
        where = seen.chat if kind == "IM_GROUP" else self.people[who]
        data = signer_of.click(
            seen.message_id,
            self.people[who],
            {"action": value, **values},
            space_type=kind,
            space_id=where,
        )
        return Push(_bytes(data), self.signer.card_headers(self.click_secret))

    def send_file(
        self,
        data: bytes,
        name: str,
        who: str = "alice",
        *,
        voice: bool = False,
        transcript: str = "",
    ) -> Push:
        """A file, a picture by its name, or a voice message with DingTalk's own transcript."""
        code = f"code+{uuid.uuid4().hex}=="
        self.sent_files[code] = (name, data)
        content: dict[str, Any] = {"downloadCode": code}
        if voice:
            kind, content = "audio", content | {"duration": VOICE_MS, "recognition": transcript}
        elif name.lower().endswith((".png", ".jpg", ".jpeg", ".gif")):
            kind, content = "picture", content | {"pictureDownloadCode": code}
        else:
            kind, content = "file", content | {"fileName": name, "spaceId": "1", "fileId": "2"}
        return self._written(kind, {"content": content}, who, False, "")

    def leave(self, *who: str) -> Push:
        """The event that people left the company."""
        event = {
            "EventType": "user_leave_org",
            "TimeStamp": signer_of.now_ms(),
            "UserId": [self.people[name] for name in who],
            "CorpId": signer_of.CORP,
        }
        body, query = self.signer.event(event)
        return Push(body, {"Content-Type": "application/json"}, query)

    def again(self, push: Push) -> Push:
        """The same body, signed anew."""
        if push.query:
            encrypt = json.loads(push.body)["encrypt"]
            stamp, nonce = signer_of.now_ms(), uuid.uuid4().hex
            signed = self.signer.event_sign(stamp, nonce, encrypt)
            query = {"msg_signature": signed, "timestamp": stamp, "nonce": nonce}
            return replace(push, query=query)
        if "x-ddpaas-signature" in push.headers:
            return push  # clicks are not delivered again
        return replace(push, headers=self.signer.headers())

    def too_many(self, seconds: int) -> Answer:
        """The gateway's word for too many calls."""
        code = "Forbidden.AccessDenied.QpsLimitForAppkeyAndApi"
        body = {"code": code, "message": "qps limit", "errcode": 90018, "errmsg": "qps limit"}
        return Answer(429, body, {"retry-after": str(seconds)})

    def answers_to(self, push: Push) -> list[Seen]:
        """What came to its reply address, or by the API into its chat after it."""
        chat, before = self.written.get(push.message_id, ("", 0))
        later = list(self.visible())[before:]
        return [
            one
            for one in later
            if one.reply_to == push.message_id or (not one.reply_to and one.chat == chat)
        ]

    def frame(self, push: Push) -> str:
        """The same as a frame of the long connection."""
        if push.query:
            opened, _ = self.signer.decrypt(json.loads(push.body)["encrypt"])
            event = json.loads(opened)
            data = {"timeStamp": event["TimeStamp"], "userId": event["UserId"]}
            names = {"eventType": event["EventType"], "eventId": uuid.uuid4().hex}
            return signer_of.frame("EVENT", "*", data, **names)
        clicked = "x-ddpaas-signature" in push.headers
        topic = signer_of.CARD_TOPIC if clicked else signer_of.ROBOT_TOPIC
        return signer_of.frame("CALLBACK", topic, push.body.decode())

    def _written(
        self,
        kind: str,
        body: dict[str, Any],
        who: str,
        group: bool,
        message_id: str,
        *,
        mention: bool = True,
    ) -> Push:
        chat, session = self.chat_of(who, group=group), uuid.uuid4().hex
        data = signer_of.message(
            kind,
            body,
            staff_id=self.people[who],
            nick=who.title(),
            chat=chat,
            group=group,
            mention=mention,
            message_id=message_id,
            session=f"{self.url}{SESSION}?session={session}",
            robot_code=self.signer.app_key,
        )
        self.sessions[session] = (chat, data["msgId"])
        self.written[data["msgId"]] = (chat, self.shown_so_far())
        return Push(_bytes(data), self.signer.headers(), message_id=data["msgId"])


def _bytes(data: dict[str, Any]) -> bytes:
    return json.dumps(data, ensure_ascii=False).encode()
