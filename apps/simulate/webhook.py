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
from typing import Any

from apps.simulate.server import Answer, Call, HttpStand

SECRET = "whsec_" + base64.b64encode(b"stand-webhook-secret-0123456789ab").decode()
ROLES = {"progress", "answer", "notice"}


class WebhookStand(HttpStand):
    """Takes each event once: what comes again under the same `webhook-id` is only counted."""

    def __init__(self, port: int = 0, *, secret: str = SECRET) -> None:
        super().__init__(port)
        self.secret = secret
        self.received: list[dict[str, Any]] = []
        self.problems: list[str] = []
        self.repeats = 0
        self.shown_at: dict[str, float] = {}  # by the id of the inbound message, of its answer
        self._seen: set[str] = set()

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

    def _check(self, body: dict[str, Any]) -> None:
        keys = {"id", "type", "role", "in_reply_to", "conversation", "text", "card"}
        if set(body) != keys or body["role"] not in ROLES:
            self.problems.append(f"unexpected body {body}")
        if body["type"] not in {"message.created", "message.updated"}:
            self.problems.append(f"unexpected type {body['type']}")


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
