"""Makes Feishu events as the vendor does: encrypted, signed, with ids of their own."""

from __future__ import annotations

import hashlib
import json
import time
import uuid
from dataclasses import dataclass
from typing import Any

from apps.im.ciphers import iv_first_encrypt

Signed = tuple[bytes, dict[str, str]]


@dataclass
class Signer:
    """The vendor's half of one app's event subscription."""

    app_id: str = "cli_stand0000000001"
    encrypt_key: str = "stand-encrypt-key"
    verification_token: str = "vt_stand"
    bot_open_id: str = "ou_bot_stand"

    def sign(self, event: Any, *, stamp: str = "", nonce: str = "n0nce") -> Signed:
        """Body and headers of a push of this event."""
        text = event if isinstance(event, str) else json.dumps(event, ensure_ascii=False)
        key = hashlib.sha256(self.encrypt_key.encode()).digest()
        body = json.dumps({"encrypt": iv_first_encrypt(key, text.encode())}).encode()
        return body, self.headers(body, stamp=stamp, nonce=nonce)

    def headers(self, body: bytes, *, stamp: str = "", nonce: str = "n0nce") -> dict[str, str]:
        """The headers that belong to a raw body."""
        stamp = stamp or str(int(time.time()))
        seen = hashlib.sha256((stamp + nonce + self.encrypt_key).encode() + body)
        return {
            "Content-Type": "application/json; charset=utf-8",
            "X-Lark-Request-Timestamp": stamp,
            "X-Lark-Request-Nonce": nonce,
            "X-Lark-Signature": seen.hexdigest(),
        }

    def event(self, kind: str, body: dict[str, Any], event_id: str = "") -> dict[str, Any]:
        """An event in the 2.0 envelope."""
        return {
            "schema": "2.0",
            "header": {
                "event_id": event_id or uuid.uuid4().hex,
                "event_type": kind,
                "create_time": str(int(time.time() * 1000)),
                "token": self.verification_token,
                "app_id": self.app_id,
                "tenant_key": "tenant_stand",
            },
            "event": body,
        }

    def message(
        self,
        content: dict[str, Any],
        *,
        message_type: str = "text",
        sender: str = "ou_alice",
        sender_type: str = "user",
        chat: str = "oc_alice",
        chat_type: str = "p2p",
        message_id: str = "",
        mentions: list[dict[str, Any]] | None = None,
        event_id: str = "",
        **more: Any,
    ) -> dict[str, Any]:
        """A message event; `mentions` as the vendor's, `more` are further message fields."""
        message = {
            "message_id": message_id or "om_" + uuid.uuid4().hex,
            "create_time": str(int(time.time() * 1000)),
            "chat_id": chat,
            "chat_type": chat_type,
            "message_type": message_type,
            "content": json.dumps(content, ensure_ascii=False),
            **more,
        }
        if mentions is not None:
            message["mentions"] = mentions
        identity = {"open_id": sender, "union_id": "on_" + sender, "user_id": ""}
        who = {"sender_id": identity, "sender_type": sender_type, "tenant_key": "tenant_stand"}
        return self.event("im.message.receive_v1", {"sender": who, "message": message}, event_id)

    def click(
        self,
        value: Any,
        *,
        message_id: str,
        chat: str = "oc_alice",
        operator: str = "ou_alice",
        form: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """A click on a button of a card; `form` is what is in the inputs of the button's form."""
        sent = {} if form is None else {"name": "submit", "form_value": form}
        body = {
            "operator": {"open_id": operator, "union_id": "on_" + operator, "user_id": None},
            "token": "c-" + uuid.uuid4().hex,
            "action": {"value": value, "tag": "button", **sent},
            "host": "im_message",
            "context": {"open_message_id": message_id, "open_chat_id": chat},
        }
        return self.event("card.action.trigger", body)

    def at_bot(self, number: int = 1) -> dict[str, Any]:
        """The `mentions` entry of the bot under `@_user_<number>`."""
        identity = {"open_id": self.bot_open_id, "union_id": "on_bot", "user_id": ""}
        return {"key": f"@_user_{number}", "id": identity, "name": "ClawdBot"}
