"""How a platform speaks: a signed event for each message, and the id that its reply carries."""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
import json
import time
from dataclasses import dataclass
from typing import Protocol

SECRET_BYTES = b"benchmark-secret-benchmark-secret"
SECRET = "whsec_" + base64.b64encode(SECRET_BYTES).decode()
SLACK_SECRET = "8f742231b10e8888abcd99yyyzzz85a5"


@dataclass(frozen=True, slots=True)
class Letter:
    """One request, and the id that the reply to it will carry."""

    key: str
    headers: dict[str, str]
    body: bytes


class Dialect(Protocol):
    """Writes a message as the platform would deliver it."""

    path: str

    def letter(self, tag: str, person: int, text: str) -> Letter:
        """A fresh message of person number `person`, signed now."""


class StandardWebhooks:
    """The platform `webhook`: https://www.standardwebhooks.com."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._count = itertools.count()

    def letter(self, tag: str, person: int, text: str) -> Letter:
        """One message in a private chat."""
        event = f"{tag}-{person}-{next(self._count)}"
        body = json.dumps(
            {
                "id": event,
                "sender": {"id": f"u{person}", "name": f"u{person}"},
                "conversation": {"id": f"c{person}", "type": "private"},
                "text": text,
            }
        ).encode()
        return Letter(event, {"content-type": "application/json", **signed(event, body)}, body)


def signed(event: str, body: bytes) -> dict[str, str]:
    """The three headers of the Standard Webhooks convention."""
    stamp = str(int(time.time()))
    mac = hmac.new(SECRET_BYTES, f"{event}.{stamp}.".encode() + body, hashlib.sha256)
    signature = base64.b64encode(mac.digest()).decode()
    return {
        "webhook-id": event,
        "webhook-timestamp": stamp,
        "webhook-signature": f"v1,{signature}",
    }


class Slack:
    """Slack's Events API: a message event, signed with v0."""

    path = "/slack/events"
    # Of all that speak it: the sink tells their messages apart by `ts` alone.
    _count = itertools.count()
    _began = int(time.time())

    def letter(self, tag: str, person: int, text: str) -> Letter:
        """One direct message; Slack knows it by its `ts`, and the reply goes to that thread."""
        number = next(self._count)
        ts = f"{self._began + number // 10**6}.{number % 10**6:06d}"
        body = json.dumps(
            {
                "token": "unused",
                "team_id": "T1",
                "api_app_id": "A1",
                "type": "event_callback",
                "event_id": f"Ev{tag}{number}",
                "event_time": self._began,
                "authorizations": [{"team_id": "T1", "user_id": "UBOT", "is_bot": True}],
                "event": {
                    "type": "message",
                    "channel": f"D{person}",
                    "channel_type": "im",
                    "user": f"U{person}",
                    "team": "T1",
                    "text": text,
                    "ts": ts,
                    "event_ts": ts,
                },
            }
        ).encode()
        stamp = str(int(time.time()))
        mac = hmac.new(SLACK_SECRET.encode(), f"v0:{stamp}:".encode() + body, hashlib.sha256)
        headers = {
            "content-type": "application/json",
            "x-slack-request-timestamp": stamp,
            "x-slack-signature": f"v0={mac.hexdigest()}",
        }
        return Letter(ts, headers, body)
