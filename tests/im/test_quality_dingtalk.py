"""DingTalk on the quality scale."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from apps.core.i18n import both
from apps.simulate import dingtalk_signer as signer_of
from apps.simulate.desk import Desk, Push
from apps.simulate.dingtalk import DingTalkStand
from tests.im.quality import Gold


class TestDingTalk(Gold):
    """A robot's callback signs only the time; an event's ciphertext is signed too."""

    stand = DingTalkStand
    golden = "dingtalk"
    modes = ("webhook", "event-http", "stream")
    signs_body = False
    signed_names = ("timestamp", "sign", "msg_signature")
    wrong_settings = (
        ({"app_secret": "another-secret"}, "app_secret"),
        ({"api_base": "http://127.0.0.1:9"}, "app_secret"),
    )
    names_clicks = False
    not_possible: ClassVar = {
        "forms": both("卡片模板里没有输入框", "the card template holds no inputs"),
        "idempotency": both(
            "机器人消息不认幂等键", "messages of robots know no keys: a repeat says so"
        ),
    }

    def is_signed(self, case: dict[str, Any]) -> bool:
        """A frame of the long connection comes through a socket that was signed in to."""
        return case["mode"] != "stream"

    def plains(self, desk: Desk) -> list[bytes]:
        """Messages of several kinds."""
        rich = {"richText": [{"text": "see"}, {"downloadCode": "c", "type": "picture"}]}
        events = [
            signer_of.message("text", {"text": {"content": " /echo 你好"}}, group=True),
            signer_of.message("text", {"text": {"content": "/ping"}}),
            signer_of.message("richText", {"content": rich}),
            signer_of.message("picture", {"content": {"downloadCode": "c"}}),
            signer_of.message(
                "audio", {"content": {"downloadCode": "c", "duration": 9, "recognition": "hi"}}
            ),
            signer_of.message("file", {"content": {"downloadCode": "c", "fileName": "a.csv"}}),
        ]
        return [json.dumps(event, ensure_ascii=False).encode() for event in events]

    def signed(self, desk: Desk, plain: bytes) -> Push:
        """With the two headers."""
        assert isinstance(desk, DingTalkStand)
        return Push(plain, desk.signer.headers())
