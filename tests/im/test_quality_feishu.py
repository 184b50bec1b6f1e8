"""Feishu on the quality scale."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from apps.im.ciphers import iv_first_encrypt
from apps.simulate.desk import Desk, Push
from apps.simulate.feishu import FeishuStand
from tests.im.quality import Gold


class TestFeishu(Gold):
    """Every event is encrypted, and the whole body is signed."""

    stand = FeishuStand
    golden = "feishu"
    signed_names = (
        "X-Lark-Signature",
        "X-Lark-Request-Timestamp",
        "X-Lark-Request-Nonce",
    )
    wrong_settings = (
        ({"app_secret": "another-secret"}, "app_secret"),
        ({"encrypt_key": ""}, "encrypt_key"),
        ({"bot_open_id": "ou_somebody_else"}, "bot_open_id"),
        ({"api_base": "http://127.0.0.1:9"}, "app_secret"),
    )

    def is_signed(self, case: dict[str, Any]) -> bool:
        """With a verification token alone nothing is signed."""
        return bool(case["config"].get("encrypt_key"))

    def plains(self, desk: Desk) -> list[bytes]:
        """Messages of several kinds, and a click."""
        assert isinstance(desk, FeishuStand)
        signer = desk.signer
        place = {"name": "x", "latitude": "23.1", "longitude": "113.3"}
        post = {"title": "T", "content": [[{"tag": "at", "user_id": "@_user_1"}]]}
        events = [
            signer.message({"text": "@_user_1 hi"}, chat_type="group", mentions=[signer.at_bot()]),
            signer.message(post, message_type="post", mentions=[signer.at_bot()]),
            signer.message({"file_key": "f", "duration": 900}, message_type="audio"),
            signer.message({"file_key": "f", "file_name": "n"}, message_type="file"),
            signer.message(place, message_type="location"),
            signer.click({"t": "1.2.3.4"}, message_id="om_1"),
        ]
        return [json.dumps(event, ensure_ascii=False).encode() for event in events]

    def signed(self, desk: Desk, plain: bytes) -> Push:
        """Encrypted and signed."""
        assert isinstance(desk, FeishuStand)
        key = hashlib.sha256(desk.signer.encrypt_key.encode()).digest()
        body = json.dumps({"encrypt": iv_first_encrypt(key, plain)}).encode()
        return Push(body, desk.signer.headers(body))
