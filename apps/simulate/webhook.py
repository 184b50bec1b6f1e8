"""A receiver of our signed answers, and a sender of signed messages: the other side of `webhook`.

It keeps its own copy of the signature, so that both sides cannot be wrong in the same way.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
import uuid
from dataclasses import replace
from typing import Any

from apps.simulate.desk import Desk, Push, Seen
from apps.simulate.server import Answer, Call

SECRET = "whsec_" + base64.b64encode(b"stand-webhook-secret-0123456789ab").decode()
PEOPLE = {name: f"u-{name}" for name in ("alice", "bob", "mallory")}
ROLES = {"progress", "answer", "notice"}


class WebhookStand(Desk):
    """Takes each event once: what comes again under the same `webhook-id` is only counted."""

    platform = "webhook"
    group = "c-group"

    def __init__(self, port: int = 0, *, secret: str = SECRET) -> None:
        super().__init__(port)
        self.people = dict(PEOPLE)
        self.secret = secret
        self.received: list[dict[str, Any]] = []
        self.problems: list[str] = []
        self.repeats = 0
        self.shown_at: dict[str, float] = {}  # by the id of the inbound message, of its answer
        self._seen: set[str] = set()
        self.lent: dict[str, bytes] = {}  # by path: files that messages name

    def config(self, **changes: Any) -> dict[str, Any]:
        """The settings of a bot that answers to this stand."""
        reply_url = f"{self.url}/replies"
        return {"secret": self.secret, "reply_url": reply_url, "max_skew_s": 300} | changes

    def of(self, in_reply_to: str, role: str = "") -> list[dict[str, Any]]:
        """What answers one message."""
        return [
            one
            for one in self.received
            if one["in_reply_to"] == in_reply_to and role in {"", one["role"]}
        ]

    def respond(self, call: Call) -> Answer:
        """Verify, dedupe, keep."""
        if call.method == "HEAD":
            return Answer(200)
        if call.method == "GET":
            return self._lend(call)
        headers = call.headers
        event_id, stamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
        expected = sign(self.secret, event_id, stamp, call.body)
        if not hmac.compare_digest(headers.get("webhook-signature", ""), expected):
            self.problems.append("bad signature")
            return Answer(401, {"error": "bad signature"})
        if abs(time.time() - int(stamp)) > 300:
            self.problems.append("stale")
            return Answer(400, {"error": "stale"})
        if event_id in self._seen:
            self.repeats += 1
            return Answer(200, {"status": "seen"})
        body = call.json()
        self._check(body)
        self._seen.add(event_id)
        self.received.append(body)
        if body["role"] == "answer":
            self.shown_at.setdefault(str(body["in_reply_to"]), call.at)
        return Answer(200, {"status": "ok"})

    def add_person(self, name: str) -> None:
        """Whoever writes is there."""
        self.people[name] = f"u-{name}"

    def _lend(self, call: Call) -> Answer:
        """A file that a message named, to whoever signs for it."""
        headers = call.headers
        stamp, given = headers.get("webhook-timestamp", ""), headers.get("webhook-signature", "")
        expected = sign(self.secret, headers.get("webhook-id", ""), stamp, b"")
        if not hmac.compare_digest(given, expected):
            return Answer(401, {"error": "bad signature"})
        if call.path not in self.lent:
            return Answer(404, {"error": "no such file"})
        return Answer(200, self.lent[call.path], {"content-type": "application/octet-stream"})

    def send_file(
        self,
        data: bytes,
        name: str,
        who: str = "alice",
        *,
        voice: bool = False,
        transcript: str = "",
    ) -> Push:
        """A small file in the body, a larger one at an address beside `reply_url`."""
        image = name.lower().endswith((".png", ".jpg", ".jpeg", ".gif"))
        kind = "voice" if voice else "image" if image else "file"
        attachment: dict[str, Any] = {"type": kind, "name": name}
        if len(data) <= 256 * 1024:
            attachment["data"] = base64.b64encode(data).decode()
        else:
            path = f"/files/{uuid.uuid4().hex}"
            self.lent[path] = data
            attachment["url"] = self.url + path
        return self._written(transcript, who, f"c-{who}", attachments=[attachment])

    def say(
        self,
        text: str,
        who: str = "alice",
        *,
        group: bool = False,
        mention: bool = True,
        message_id: str = "",
    ) -> Push:
        """A text. Whoever runs such a bot passes on only what is meant for it: nothing mentions."""
        return self._written(text, who, self.group if group else f"c-{who}", id=message_id)

    def click(self, seen: Seen, value: str, who: str = "alice", **values: str) -> Push:
        """A click: the token of the button beside its command, with the values of a form."""
        return self._written("", who, seen.chat, action=value, values=values)

    def again(self, push: Push) -> Push:
        """The same event, signed anew."""
        event_id = push.headers["Webhook-Id"]
        body, headers = signed(push.body, secret=self.secret, event_id=event_id)
        return replace(push, body=body, headers=headers)

    def visible(self) -> list[Seen]:
        """Each message once, in its newest form."""
        shown: dict[str, Seen] = {}
        names = {external: name for name, external in self.people.items()}
        for body in list(self.received):  # a copy: more may come meanwhile
            held = shown.get(body["id"])
            alone = names.get(body["conversation"]["id"], "")
            shown[body["id"]] = _seen(body, alone, held.edits + 1 if held else 0)
        return list(shown.values())

    def _written(self, text: str, who: str, chat: str, **more: Any) -> Push:
        kind = "group" if chat == self.group else "private"
        sender = {"id": self.people[who], "name": who.title()}
        extra = {name: value for name, value in more.items() if value}
        body = message(text, sender=sender, conversation={"id": chat, "type": kind}, **extra)
        raw, headers = signed(body, secret=self.secret)
        return Push(raw, headers, message_id=body["id"])

    def _check(self, body: dict[str, Any]) -> None:
        keys = {"id", "type", "role", "in_reply_to", "conversation", "text", "card"}
        if set(body) - {"files"} != keys or body["role"] not in ROLES:
            self.problems.append(f"unexpected body {body}")
        if body["type"] not in {"message.created", "message.updated"}:
            self.problems.append(f"unexpected type {body['type']}")


def _seen(body: dict[str, Any], alone: str, edits: int) -> Seen:
    """`alone` is the name of whom it was sent to privately, past the chat."""
    card, conversation = body["card"], body["conversation"]
    form = card.get("form") or {}
    every = [*card["buttons"], *([form["submit"]] if form else [])]
    return Seen(
        body["id"],
        f"c-{alone}" if alone else conversation["id"],
        body["text"],
        buttons=[(one["label"], one.get("token") or one["cmd"]) for one in every],
        inputs=[one["name"] for one in form.get("inputs", [])],
        reply_to=body["in_reply_to"] or "",
        private_to=conversation["id"] if alone else "",
        edits=edits,
        files=[(one["name"], b"") for one in body.get("files", [])],
        raw=body,
    )


def sign(secret: str, event_id: str, stamp: str, body: bytes) -> str:
    """The signature of the convention, written down anew."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = b".".join((event_id.encode(), stamp.encode(), body))
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def message(text: str, **changes: Any) -> dict[str, Any]:
    """An inbound body."""
    return {
        "id": "m-" + uuid.uuid4().hex,
        "sender": {"id": "u-alice", "name": "Alice"},
        "conversation": {"id": "c-alice", "type": "private"},
        "text": text,
    } | changes


def signed(
    body: dict[str, Any] | bytes, *, secret: str = SECRET, event_id: str = "", stamp: str = ""
) -> tuple[bytes, dict[str, str]]:
    """Raw body and headers of one inbound event."""
    raw = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    event_id = event_id or "msg_" + uuid.uuid4().hex
    stamp = stamp or str(int(time.time()))
    headers = {
        "Content-Type": "application/json",
        "Webhook-Id": event_id,
        "Webhook-Timestamp": stamp,
        "Webhook-Signature": sign(secret, event_id, stamp, raw),
    }
    return raw, headers
