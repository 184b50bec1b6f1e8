"""WeCom's self-built apps on the quality scale."""

from __future__ import annotations

from typing import ClassVar

from apps.core.i18n import both
from apps.simulate.desk import Desk, Push
from apps.simulate.wecom import WeComStand
from tests.im.quality import Gold


class TestWeCom(Gold):
    """XML in XML: the outer one names the app, the sealed text in it is signed."""

    stand = WeComStand
    golden = "wecom"
    signed_names = ("msg_signature", "timestamp", "nonce")
    typed_inputs = False
    sent_file = ("image", "chart.png")  # other files reach no app
    wrong_settings = (
        ({"secret": "another-secret"}, "secret"),
        ({"corp_id": "wwother"}, "corp_id"),
        ({"agent_id": "1000009"}, "agent_id"),
    )
    names_clicks = False
    limited: ClassVar = {
        "edits": both(
            "卡片发出后和每次点击后各能改一次：显示第一步和结果",
            "a card changes once after it was sent and once after each click: first step and end",
        ),
        "fetches": both(
            "只收得到图片、语音和视频", "an app is handed pictures, voice and videos only"
        ),
        "forms": both("只能选择，不能输入", "one can choose, not type"),
    }
    not_possible: ClassVar = {
        "groups": both("自建应用收不到群消息", "a self-built app gets no group messages"),
    }

    def plains(self, desk: Desk) -> list[bytes]:
        """Messages of several kinds, an event and clicks."""
        assert isinstance(desk, WeComStand)
        signer = desk.signer
        inner = [
            signer.message("Alice", "text", Content="/echo 你好 <&>"),
            signer.message("Alice", "image", MediaId="m", PicUrl="https://wework.qpic.cn/p"),
            signer.message("Alice", "voice", MediaId="m", Format="amr"),
            signer.message(
                "Alice", "location", Location_X="23.1", Location_Y="113.3", Scale="1", Label="x"
            ),
            signer.click("Alice", "1.2.3.4", task="t", code="rc", card_type="button_interaction"),
            signer.click(
                "Alice", "1.2.3.4", task="t", code="rc", card_type="multiple_interaction", city="a"
            ),
        ]
        return [one.encode() for one in inner]

    def signed(self, desk: Desk, plain: bytes) -> Push:
        """Sealed and stamped."""
        assert isinstance(desk, WeComStand)
        return desk.signer.push(plain)
