"""The people at the stand-in of Slack: what they write, click and send becomes signed requests."""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

from apps.simulate.desk import Desk, Push, Seen
from apps.simulate.server import Answer

TEAM, APP, BOT_USER, BOT_ID = "T0STAND", "A0STAND", "U0CLAWD", "B0CLAWD"
GROUP = "C0GROUP"
PEOPLE = {name: f"U0{name.upper()}" for name in ("alice", "bob", "mallory")}
FORM = "application/x-www-form-urlencoded"
VOICE_MS = 2100


@dataclass
class Channel:
    """A channel or a private conversation; `messages` are as the API tells them, oldest first."""

    id: str
    members: set[str]
    messages: list[dict[str, Any]] = field(default_factory=list)

    def find(self, stamp: str) -> dict[str, Any] | None:
        """The message of that timestamp."""
        return next((one for one in self.messages if one["ts"] == stamp), None)


class SlackPeople(Desk):
    """The outer half of `SlackStand`: one workspace with its people, channels and files."""

    platform = "slack"
    stream_config: Mapping[str, str] | None = {}
    people = PEOPLE
    group = GROUP
    repeats_s = (1, 60, 300)

    def __init__(self, port: int = 0) -> None:
        super().__init__(port)
        self.signing_secret = "stand-signing-secret-0123456789ab"
        self.people = {}
        #: The private conversations, by the person's id.
        self.private: dict[str, Channel] = {}
        #: Also a channel where the bot is not.
        self.channels = {
            GROUP: Channel(GROUP, {BOT_USER}),
            "C0OTHER": Channel("C0OTHER", set()),
        }
        for name in PEOPLE:
            self.add_person(name)
        self.files: dict[str, dict[str, Any]] = {}
        self.contents: dict[str, bytes] = {}
        self._stamps = itertools.count(1)

    def stamp(self) -> str:
        """The timestamp of a new message, which names it within its channel."""
        return f"{int(time.time())}.{next(self._stamps):06d}"

    def add_person(self, name: str) -> None:
        """In all channels, and with a private conversation with the bot."""
        plain = "".join(filter(str.isalnum, name)).upper()
        user, private = f"U0{plain}", Channel(f"D0{plain}", {f"U0{plain}", BOT_USER})
        self.people[name] = user
        for channel in self.channels.values():
            channel.members |= {user} if channel.id.startswith("C") else set()
        self.private[user] = self.channels[private.id] = private

    # ---- what people do ----

    def say(
        self,
        text: str,
        who: str = "alice",
        *,
        group: bool = False,
        mention: bool = True,
        message_id: str = "",
        thread: str = "",
    ) -> Push:
        """A text; in the group it begins with a mention of the bot. `text` is as Slack sends it."""
        channel = self.channels[GROUP] if group else self.private[self.people[who]]
        words = f"<@{BOT_USER}> {text}" if group and mention else text
        return self._written(channel, who, words, stamp=message_id, thread=thread)

    def say_to_all(self, text: str, who: str = "alice") -> Push:
        """A text in the group that calls everybody."""
        return self._written(self.channels[GROUP], who, f"<!channel> {text}")

    def twin(self, push: Push) -> Push:
        """The second event of a mention: of the same message, with an id of its own."""
        event = json.loads(push.body)
        event["event_id"] = _event_id()
        event["event"] |= {"type": "message", "channel_type": "channel"}
        return self._event(event, push.message_id)

    def slash(self, command: str, text: str = "", who: str = "alice", channel: str = GROUP) -> Push:
        """A slash command, which can be given in channels where the bot is not."""
        form = {
            "token": "deprecated",
            "team_id": TEAM,
            "api_app_id": APP,
            "channel_id": channel,
            "channel_name": "directmessage" if channel.startswith("D") else "general",
            "user_id": self.people[who],
            "user_name": who,
            "command": command,
            "text": text,
            "response_url": f"https://hooks.slack.com/commands/{TEAM}/1/{uuid.uuid4().hex}",
            "trigger_id": _trigger(),
        }
        return self.form(form)

    def click(self, seen: Seen, value: str, who: str = "alice", **values: str) -> Push:
        """A click on the button that sends this value back, with what stands in the inputs."""
        message = seen.raw or {}
        pressed = next((b for b in _buttons(message) if b.get("value") == value), None)
        action = {
            "type": "button",
            "action_id": pressed["action_id"] if pressed else "button:0",
            "block_id": "b1",
            "value": value,
            "action_ts": self.stamp(),
        }
        container = {"type": "message", "message_ts": seen.message_id, "channel_id": seen.chat}
        if message.get("thread_ts"):
            container["thread_ts"] = message["thread_ts"]
        payload = {
            "type": "block_actions",
            "container": container,
            "channel": {"id": seen.chat, "name": "general"},
            "message": message,
            "actions": [action],
            "state": {"values": _state(message, values)},
        }
        return self.interact(payload, who)

    def submit(self, callback: str, who: str = "alice", **values: str) -> Push:
        """A form in a window of its own."""
        filled = {n: {"type": "plain_text_input", "value": value} for n, value in values.items()}
        view = {
            "id": f"V0{uuid.uuid4().hex[:8].upper()}",
            "callback_id": callback,
            "private_metadata": "",
            "state": {"values": {"b1": filled}},
        }
        return self.interact({"type": "view_submission", "view": view}, who)

    def interact(self, payload: dict[str, Any], who: str = "alice") -> Push:
        """Something that was pressed or sent."""
        whole = {
            "user": {"id": self.people[who], "username": who, "team_id": TEAM},
            "api_app_id": APP,
            "team": {"id": TEAM, "domain": "stand"},
            "trigger_id": _trigger(),
            "response_url": f"https://hooks.slack.com/actions/{TEAM}/1/{uuid.uuid4().hex}",
            **payload,
        }
        return self.form({"payload": json.dumps(whole, ensure_ascii=False)})

    def send_file(
        self,
        data: bytes,
        name: str,
        who: str = "alice",
        *,
        voice: bool = False,
        transcript: str = "",
    ) -> Push:
        """A file, or a voice clip that Slack may have written down."""
        one = self.keep(data, name)
        if voice:
            one |= {"subtype": "slack_audio", "mimetype": "audio/mp4", "duration_ms": VOICE_MS}
            preview = {"content": transcript, "has_more": False}
            done = {"status": "complete", "preview": preview}
            one["transcription"] = done if transcript else {"status": "processing"}
        channel = self.private[self.people[who]]
        return self._written(channel, who, "", subtype="file_share", files=[one])

    def again(self, push: Push) -> Push:
        """The same body, signed anew, with the number of the retry."""
        number = str(int(push.headers.get("X-Slack-Retry-Num", "0")) + 1)
        retry = {"X-Slack-Retry-Num": number, "X-Slack-Retry-Reason": "http_timeout"}
        kind = push.headers["Content-Type"]
        return replace(push, headers=self.headers(push.body, kind) | retry)

    def too_many(self, seconds: int) -> Answer:
        """The rate limit of a method."""
        return Answer(429, {"ok": False, "error": "ratelimited"}, {"retry-after": str(seconds)})

    # ---- how it comes to the bot ----

    def keep(self, data: bytes, name: str) -> dict[str, Any]:
        """A file with its bytes, as the API tells it."""
        key = f"F0{uuid.uuid4().hex[:8].upper()}"
        kinds = {
            "png": "image/png",
            "jpg": "image/jpeg",
            "gif": "image/gif",
            "pdf": "application/pdf",
        }
        address = f"{self.url}/files-pri/{TEAM}-{key}/{quote(name)}"
        self.contents[key] = data
        self.files[key] = {
            "id": key,
            "name": name,
            "title": name,
            "mimetype": kinds.get(name.rpartition(".")[2].lower(), "application/octet-stream"),
            "mode": "hosted",
            "size": len(data),
            "url_private": address,
            "url_private_download": address,
        }
        return self.files[key]

    def _written(
        self,
        channel: Channel,
        who: str,
        text: str,
        *,
        stamp: str = "",
        thread: str = "",
        **more: Any,
    ) -> Push:
        stamp = stamp or self.stamp()
        message = {"type": "message", "user": self.people[who], "text": text, "ts": stamp, **more}
        if thread:
            message["thread_ts"] = thread
        channel.messages.append(dict(message))
        mention = f"<@{BOT_USER}>" in text and channel.id.startswith("C")
        seen = {"channel": channel.id, "event_ts": stamp, "client_msg_id": str(uuid.uuid4())}
        kind = "im" if channel.id.startswith("D") else "channel"
        seen |= {"type": "app_mention"} if mention else {"channel_type": kind}
        event = {
            "token": "deprecated",
            "team_id": TEAM,
            "api_app_id": APP,
            "event": message | seen,
            "type": "event_callback",
            "event_id": _event_id(),
            "event_time": int(time.time()),
            "authorizations": [{"team_id": TEAM, "user_id": BOT_USER, "is_bot": True}],
        }
        return self._event(event, stamp)

    def _event(self, event: dict[str, Any], message_id: str = "") -> Push:
        body = json.dumps(event, ensure_ascii=False).encode()
        return Push(body, self.headers(body, "application/json"), message_id=message_id)

    def form(self, form: dict[str, str]) -> Push:
        """A request with fields, as commands and clicks are sent."""
        body = urlencode(form).encode()
        return Push(body, self.headers(body, FORM))

    def headers(self, body: bytes, kind: str, stamp: str = "") -> dict[str, str]:
        """The headers that belong to a raw body."""
        stamp = stamp or str(int(time.time()))
        return {
            "Content-Type": kind,
            "X-Slack-Request-Timestamp": stamp,
            "X-Slack-Signature": sign(self.signing_secret, stamp, body),
        }


def sign(secret: str, stamp: str, body: bytes) -> str:
    """The signature of a request, written down anew."""
    seen = hmac.new(secret.encode(), f"v0:{stamp}:".encode() + body, hashlib.sha256)
    return f"v0={seen.hexdigest()}"


def in_envelope(push: Push) -> tuple[str, dict[str, Any]]:
    """(type, payload) of the same thing when it comes through a socket."""
    if push.headers["Content-Type"] != FORM:
        return "events_api", json.loads(push.body)
    form = dict(parse_qsl(push.body.decode(), keep_blank_values=True))
    if "payload" in form:
        return "interactive", json.loads(form["payload"])
    return "slash_commands", form


def _event_id() -> str:
    return f"Ev0{uuid.uuid4().hex[:10].upper()}"


def _trigger() -> str:
    return f"1.2.{uuid.uuid4().hex}"


def _elements(message: dict[str, Any]) -> list[dict[str, Any]]:
    blocks = message.get("blocks") or []
    listed = [[*block.get("elements", []), block.get("element")] for block in blocks]
    return [one for some in listed for one in some if one]


def _buttons(message: dict[str, Any]) -> list[dict[str, Any]]:
    return [one for one in _elements(message) if one["type"] == "button"]


def _state(message: dict[str, Any], values: dict[str, str]) -> dict[str, Any]:
    """What stands in the inputs of a message, by block and input."""
    keys = {"datepicker": "selected_date", "timepicker": "selected_time"}
    state: dict[str, Any] = {}
    for number, one in enumerate(e for e in _elements(message) if e["type"] != "button"):
        filled = values.get(one["action_id"]) or None
        held: dict[str, Any] = {keys.get(one["type"], "value"): filled}
        if one["type"] == "static_select":
            chosen = next((o for o in one["options"] if o["value"] == filled), None)
            held = {"selected_option": chosen}
        state[f"b{number}"] = {one["action_id"]: {"type": one["type"], **held}}
    return state
