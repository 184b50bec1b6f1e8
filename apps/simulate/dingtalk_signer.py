"""Makes DingTalk's pushes as the vendor does: robot callbacks, events, clicks, stream frames.

Written down anew from the vendor's pages, so that the adapter cannot be wrong in the same way: the
cipher is put together from its primitives here.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
import json
import os
import struct
import time
import uuid
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

CORP = "dingstandcorp0001"
BOT_ID = "$:LWCP_v1:$stand-bot"
ROBOT_TOPIC = "/v1.0/im/bot/messages/get"
CARD_TOPIC = "/v1.0/card/instances/callback"


@dataclass
class Signer:
    """The vendor's half of one app."""

    app_key: str = "dingstand00000001"
    app_secret: str = "stand-secret-0123456789-abcdefghijklmnopqrstuvwxyz"
    event_token: str = "standEventToken"
    event_aes_key: str = "c3RhbmQtYWVzLWtleS0wMTIzNDU2Nzg5LWFiY2RlZmc"

    def headers(self, stamp: str = "") -> dict[str, str]:
        """The headers of a robot callback, which cover no body."""
        stamp = stamp or now_ms()
        text = f"{stamp}\n{self.app_secret}".encode()
        digest = hmac.new(self.app_secret.encode(), text, "sha256").digest()
        return {
            "Content-Type": "application/json; charset=utf-8",
            "timestamp": stamp,
            "sign": base64.b64encode(digest).decode(),
        }

    def card_headers(self, api_secret: str, stamp: str = "") -> dict[str, str]:
        """The headers of a click over HTTP, signed with what was registered."""
        stamp = stamp or now_ms()
        digest = hmac.new(api_secret.encode(), stamp.encode(), "sha256").digest()
        return {
            "Content-Type": "application/json; charset=utf-8",
            "x-ddpaas-signature-timestamp": stamp,
            "x-ddpaas-signature": base64.b64encode(digest).decode(),
        }

    def event(
        self, event: Any, *, owner: str = "", stamp: str = "", nonce: str = "n0nce"
    ) -> tuple[bytes, dict[str, str]]:
        """Body and query of an event subscription's push."""
        text = event if isinstance(event, str) else json.dumps(event, ensure_ascii=False)
        encrypt = self.encrypt(text.encode(), owner or self.app_key)
        stamp = stamp or now_ms()
        signed = self.event_sign(stamp, nonce, encrypt)
        query = {"msg_signature": signed, "signature": signed, "timestamp": stamp, "nonce": nonce}
        return json.dumps({"encrypt": encrypt}).encode(), query

    def event_sign(self, stamp: str, nonce: str, encrypt: str) -> str:
        """SHA-1 of the four, sorted."""
        parts = sorted([self.event_token, stamp, nonce, encrypt])
        return hashlib.sha1("".join(parts).encode()).hexdigest()  # noqa: S324

    def encrypt(self, message: bytes, owner: str) -> str:
        """random16 + length + message + owner, padded to 32, AES-256-CBC."""
        key = base64.b64decode(self.event_aes_key + "=")
        plain = os.urandom(16) + struct.pack(">I", len(message)) + message + owner.encode()
        padder = padding.PKCS7(256).padder()
        padded = padder.update(plain) + padder.finalize()
        encryptor = Cipher(algorithms.AES(key), modes.CBC(key[:16])).encryptor()
        return base64.b64encode(encryptor.update(padded) + encryptor.finalize()).decode()

    def decrypt(self, encrypt: str) -> tuple[bytes, str]:
        """The message and the owner."""
        key = base64.b64decode(self.event_aes_key + "=")
        decryptor = Cipher(algorithms.AES(key), modes.CBC(key[:16])).decryptor()
        padded = decryptor.update(base64.b64decode(encrypt)) + decryptor.finalize()
        unpadder = padding.PKCS7(256).unpadder()
        plain = unpadder.update(padded) + unpadder.finalize()
        (length,) = struct.unpack(">I", plain[16:20])
        return plain[20 : 20 + length], plain[20 + length :].decode()


def now_ms() -> str:
    """The time as DingTalk writes it."""
    return str(int(time.time() * 1000))


_numbers = itertools.count(1)


def message(
    kind: str,
    body: dict[str, Any],
    *,
    staff_id: str = "staff-alice",
    nick: str = "Alice",
    chat: str = "cid-alice",
    group: bool = False,
    mention: bool = True,
    message_id: str = "",
    session: str = "https://oapi.dingtalk.com/robot/sendBySession?session=s1",
    robot_code: str = "dingstand00000001",
    **changes: Any,
) -> dict[str, Any]:
    """A robot callback's JSON; `body` holds `text` or `content`, `changes` further fields."""
    data: dict[str, Any] = {
        "conversationId": chat,
        "chatbotCorpId": CORP,
        "chatbotUserId": BOT_ID,
        "msgId": message_id or f"msg{uuid.uuid4().hex}==",
        "senderNick": nick,
        "isAdmin": False,
        "sessionWebhookExpiredTime": int(now_ms()) + 5_400_000,
        "createAt": int(now_ms()),
        "senderCorpId": CORP,
        "conversationType": "2" if group else "1",
        "senderId": f"$:LWCP_v1:${staff_id}",
        "sessionWebhook": session,
        "robotCode": robot_code,
        "msgtype": kind,
        "senderStaffId": staff_id,
        **body,
    }
    if group:
        data["conversationTitle"] = "stand"
        data["isInAtList"] = mention
        data["atUsers"] = [{"dingtalkId": BOT_ID}] if mention else []
    data |= changes
    return {name: value for name, value in data.items() if value is not None}


def click(
    card: str, user: str, params: dict[str, Any], *, space_type: str = "", space_id: str = ""
) -> dict[str, Any]:
    """A click's JSON."""
    private = {"cardPrivateData": {"actionIds": ["1"], "params": params}}
    data = {
        "type": "actionCallback",
        "outTrackId": card,
        "corpId": CORP,
        "userId": user,
        "userIdType": 1,
        "content": json.dumps(private),
        "extension": "{}",
    }
    return data | ({"spaceType": space_type, "spaceId": space_id} if space_type else {})


def frame(kind: str, topic: str, data: Any, **headers: str) -> str:
    """A frame of the long connection."""
    number = next(_numbers)
    return json.dumps(
        {
            "specVersion": "1.0",
            "type": kind,
            "headers": {
                "appId": "stand",
                "connectionId": "c-1",
                "contentType": "application/json",
                "messageId": f"frame_{number}_{uuid.uuid4().hex[:8]}",
                "time": now_ms(),
                "topic": topic,
                **headers,
            },
            "data": data if isinstance(data, str) else json.dumps(data, ensure_ascii=False),
        },
        ensure_ascii=False,
    )
