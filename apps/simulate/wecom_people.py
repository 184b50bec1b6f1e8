"""The people at the stand-in of WeCom: what they write, click and send becomes signed pushes."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass, field, replace
from typing import Any

from apps.simulate.desk import Desk, Push, Seen
from apps.simulate.server import Answer
from apps.simulate.wecom_signer import Signer, new_id

PEOPLE = {name: name.title() for name in ("alice", "bob", "mallory")}
_INVISIBLE = re.compile("[\u200b-\u200d\u2060]")


@dataclass
class Shown:
    """One message as the app sent it: `body` is what stands under its type."""

    message_id: str
    to: str
    kind: str
    body: dict[str, Any]
    at: float = 0.0
    edits: int = 0
    #: Of a file or a picture.
    name: str = ""
    data: bytes = b""
    task: str = ""
    #: The text that the buttons were replaced with.
    closed: str = ""


def seen(shown: Shown) -> Seen:
    """The message as people see it."""
    body = shown.body
    buttons = [(b["text"], b["key"]) for b in body.get("button_list", [])]
    if submit := body.get("submit_button"):
        buttons.append((submit["text"], submit["key"]))
    return Seen(
        shown.message_id,
        shown.to,
        _INVISIBLE.sub("", "\n".join(words(shown))),
        buttons=[] if shown.closed else buttons,
        inputs=[one["question_key"] for one in body.get("select_list", [])],
        files=[(shown.name, shown.data)] if shown.data else [],
        edits=shown.edits,
        raw=shown,
    )


def words(shown: Shown) -> list[str]:
    """Everything that can be read in a message."""
    body = shown.body
    if shown.kind in {"text", "markdown"}:
        return [str(body["content"])]
    facts = [f"{one['keyname']}: {one['value']}" for one in body.get("horizontal_content_list", [])]
    lists = [
        "\n".join([one.get("title", ""), *(option["text"] for option in one["option_list"])])
        for one in body.get("select_list", [])
    ]
    title = body.get("main_title", {}).get("title", "")
    parts = [title, body.get("sub_title_text", ""), *facts, *lists, shown.closed]
    return [part for part in parts if part]


@dataclass
class Written:
    """Where and when somebody wrote."""

    chat: str
    before: int = 0


@dataclass
class Sheet:
    """What the stand remembers of people and messages."""

    shown: list[Shown] = field(default_factory=list)
    written: dict[str, Written] = field(default_factory=dict)
    #: media_id -> (kind, name, bytes): what the app uploaded and what people sent.
    media: dict[str, tuple[str, str, bytes]] = field(default_factory=dict)
    #: response_code -> the message that it changes; spent ones are None.
    codes: dict[str, Shown | None] = field(default_factory=dict)


class WeComPeople(Desk):
    """The outer half of `WeComStand`. There are no groups: an app gets private messages only."""

    platform = "wecom"
    group = ""
    repeats_s = (5, 5, 5)
    signer: Signer
    sheet: Sheet
    range: set[str]

    def add_person(self, name: str) -> None:
        """In the app's visible range."""
        self.people[name] = name.title()
        self.range.add(self.people[name])

    def say(
        self,
        text: str,
        who: str = "alice",
        *,
        group: bool = False,
        mention: bool = True,
        message_id: str = "",
    ) -> Push:
        """A text message."""
        if group:
            raise ValueError("a self-built app gets no group messages")
        return self._written(who, "text", message_id, Content=text)

    def click(self, seen: Seen, value: str, who: str = "alice", **values: str) -> Push:
        """A click on a template card; each brings one more code that changes the card."""
        card: Shown = seen.raw
        event = self.signer.click(
            self.people[who],
            value,
            task=card.task,
            code=self.new_code(card),
            card_type=str(card.body.get("card_type", "")),
            **values,
        )
        return self.signer.push(event)

    def send_file(
        self,
        data: bytes,
        name: str,
        who: str = "alice",
        *,
        voice: bool = False,
        transcript: str = "",
    ) -> Push:
        """A voice message, a picture, or a video; files of other kinds reach no app."""
        picture = name.lower().endswith((".png", ".jpg", ".jpeg", ".gif"))
        kind = "voice" if voice else "image" if picture else "video"
        media_id = "in-" + uuid.uuid4().hex
        self.sheet.media[media_id] = (kind, name, data)
        more = {"voice": {"Format": "amr"}, "image": {"PicUrl": "https://wework.qpic.cn/p"}}
        thumb = {"ThumbMediaId": "in-thumb"}
        return self._written(who, kind, "", MediaId=media_id, **more.get(kind, thumb))

    def enter(self, who: str = "alice", at: int = 0) -> Push:
        """Somebody opens the app."""
        return self.signer.push(
            self.signer.event(self.people[who], "enter_agent", at=at, EventKey="")
        )

    def again(self, push: Push) -> Push:
        """The same sealed text, stamped anew."""
        sealed = push.body.decode().split("<Encrypt><![CDATA[")[1].split("]]>")[0]
        return replace(self.signer.enveloped(sealed), message_id=push.message_id)

    def too_many(self, seconds: int) -> Answer:
        """WeCom says it with a code; the header is a gateway's in between."""
        body = {"errcode": 45009, "errmsg": "api freq out of limit"}
        return Answer(200, body, {"retry-after": str(seconds)})

    def visible(self) -> list[Seen]:
        """What people see, oldest first."""
        return [seen(one) for one in list(self.sheet.shown)]

    def answers_to(self, push: Push) -> list[Seen]:
        """Everything that came to that person afterwards: WeCom links no answer to a message."""
        at = self.sheet.written[push.message_id]
        return [seen(one) for one in self.sheet.shown[at.before :] if one.to == at.chat]

    def new_code(self, shown: Shown) -> str:
        """A code that changes a card once."""
        code = "rc-" + uuid.uuid4().hex
        self.sheet.codes[code] = shown
        return code

    def _written(self, who: str, kind: str, message_id: str, **fields: str) -> Push:
        message_id, person = message_id or new_id(), self.people[who]
        self.sheet.written[message_id] = Written(person, len(self.sheet.shown))
        inner = self.signer.message(person, kind, message_id, **fields)
        return self.signer.push(inner, message_id=message_id)
