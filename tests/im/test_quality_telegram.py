"""Telegram on the quality scale."""

from __future__ import annotations

import json
from typing import ClassVar

from apps.core.i18n import both
from apps.simulate.desk import Desk, Push
from apps.simulate.telegram import SECRET_HEADER, TelegramStand
from tests.im.quality import Gold

ALICE = {"id": 1001, "is_bot": False, "first_name": "Alice"}
PRIVATE = {"id": 1001, "type": "private"}
GROUP = {"id": -1001987654321, "type": "supergroup", "title": "Group"}


class TestTelegram(Gold):
    """A secret travels along; nothing is signed."""

    stand = TelegramStand
    golden = "telegram"
    signs_body = False
    signed_names = (SECRET_HEADER,)
    wrong_settings = (
        ({"token": "7000000001:another-token"}, "token"),
        ({"bot_username": "SomebodyElseBot"}, "bot_username"),
        ({"api_base": "http://127.0.0.1:9"}, "token"),
    )
    not_possible: ClassVar = {
        "forms": both(
            "Telegram 消息没有输入框，改为逐句询问", "messages have no inputs; it is asked in words"
        ),
        "idempotency": both(
            "接口不认幂等键，结果不明时重发并注明可能重复",
            "the API knows no keys: what may have been shown is repeated and says so",
        ),
        "tokens": both("令牌不过期", "the token does not expire"),
    }

    def plains(self, desk: Desk) -> list[bytes]:
        """Messages of several kinds, and a press on a button."""
        mention = {"type": "mention", "offset": 3, "length": 14}
        file = {"file_id": "f", "file_unique_id": "u", "file_size": 9}
        messages = [
            {"text": "/echo hi", "entities": [{"type": "bot_command", "offset": 0, "length": 5}]},
            {"text": "🙂 @ClawdStandBot hi", "entities": [mention], "chat": GROUP},
            {"voice": file | {"duration": 2, "mime_type": "audio/ogg"}},
            {"document": file | {"file_name": "a.csv"}, "caption": "this"},
            {"photo": [file | {"width": 90, "height": 90}], "message_thread_id": 7},
            {"location": {"latitude": 23.1, "longitude": 113.3}},
        ]
        whole = [{"message_id": 5, "from": ALICE, "chat": PRIVATE, "date": 1} | m for m in messages]
        updates = [{"update_id": 9, "message": message} for message in whole]
        query = {"id": "q1", "from": ALICE, "data": "1.2.3.4", "message": whole[0]}
        updates.append({"update_id": 9, "callback_query": query})
        return [json.dumps(update, ensure_ascii=False).encode() for update in updates]

    def signed(self, desk: Desk, plain: bytes) -> Push:
        """With the secret that was registered."""
        secret = str(desk.config()["secret_token"])
        return Push(plain, {"Content-Type": "application/json", SECRET_HEADER: secret})
