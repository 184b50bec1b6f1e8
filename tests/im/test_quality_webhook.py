"""Your own system on the quality scale."""

from __future__ import annotations

import json
from typing import ClassVar

from apps.core.i18n import both
from apps.simulate.desk import Desk, Push
from apps.simulate.webhook import SECRET, WebhookStand, message, signed
from tests.im.quality import Gold


class TestWebhook(Gold):
    """The Standard Webhooks convention signs the id, the time and the body."""

    stand = WebhookStand
    signed_names = ("Webhook-Signature", "Webhook-Timestamp", "Webhook-Id")
    wrong_settings = (
        ({"secret": "whsec_tooshort"}, "secret"),
        ({"reply_url": "http://127.0.0.1:9/"}, "reply_url"),
    )
    not_possible: ClassVar = {
        "mentions": both(
            "由接入方决定哪些群消息转给机器人，转来的都算对它说的",
            "whoever runs the bot passes on only what is meant for it, so that all of it counts",
        ),
        "files": both(
            "文件以链接给出，登录网页对话后下载",
            "a file is named with a link, which is opened in the web chat",
        ),
        "tokens": both("每个请求都签名，没有令牌", "each request is signed; there is no token"),
    }

    def plains(self, desk: Desk) -> list[bytes]:
        """Messages of both kinds of chat."""
        group = {"id": "c-group", "type": "group"}
        file = {"type": "file", "name": "a.csv", "mime": "text/csv", "data": "YSxi"}
        voice = {"type": "voice", "url": f"{desk.url}/files/1", "duration_ms": 900}
        bodies = [
            message("/ping"),
            message("hi", conversation=group, more={"a": [1]}),
            message("", action="1.2.3.4", values={"city": "Shanghai"}),
            message("", attachments=[file]),
            message("", attachments=[voice]),
        ]
        return [json.dumps(body, ensure_ascii=False).encode() for body in bodies]

    def signed(self, desk: Desk, plain: bytes) -> Push:
        """With a new event id."""
        body, headers = signed(plain, secret=SECRET)
        return Push(body, headers)
