"""An attempt that is cut off in the middle leaves behind what it did: nothing is said twice."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from apps.core.http import Door
from apps.im import transport
from apps.im.base import Outgoing, SendContext, get_platform
from apps.im.cards import Card, Text
from apps.im.models import Delivery
from apps.im.tokens import TokenCache
from apps.im.transport import Parcel
from apps.simulate.desk import Desk
from apps.simulate.dingtalk import DingTalkStand
from apps.simulate.dingtalk_robot import DingTalkRobotStand
from apps.simulate.feishu_robot import FeishuRobotStand
from apps.simulate.server import Fault
from apps.simulate.telegram import PEOPLE, TelegramStand
from apps.simulate.wecom_robot import WeComRobotStand

WORDS = [f"word{number}" for number in range(9000)]
ROBOTS: list[Any] = [
    (TelegramStand, "sendMessage", PEOPLE["alice"], "private"),
    (DingTalkStand, "batchSend", "", "private"),
    (DingTalkRobotStand, "robot/send", "group", "group"),
    (FeishuRobotStand, "/hook/", "group", "group"),
    (WeComRobotStand, "webhook/send", "group", "group"),
]


@pytest.mark.parametrize(("kind", "path", "chat", "chat_type"), ROBOTS)
async def test_a_piece_that_was_taken_is_not_sent_again(
    kind: type[Desk], path: str, chat: str, chat_type: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "LONGEST_S", 2.0)
    with kind() as stand:
        calls = 0

        def third(call: Any) -> Fault | None:
            nonlocal calls
            calls += path in call.path
            return Fault("", "hang") if path in call.path and calls == 3 else None

        stand.trouble = third
        card = Card(blocks=(Text(" ".join(WORDS)),))
        if kind is DingTalkStand:
            chat = next(iter(stand.people.values()))
        out = Outgoing("k1", "notice", chat, chat_type, card)
        ctx = SendContext(stand.config(), 1, Door(), TokenCache())
        parcel = Parcel(Delivery(), get_platform(stand.platform), ctx, out, update=False)
        result = await transport.transmit(parcel)
        assert result.kind == "unknown"
        seen = len(stand.visible())
        assert seen == 2
        stand.trouble = lambda call: None
        again = replace(out, context=dict(result.context), repeat=True, again=True)
        assert (await transport.transmit(replace(parcel, outgoing=again))).kind == "sent"
        said = [one.text.split() for one in stand.visible()[seen:]]
        assert "word0" not in [word for piece in said for word in piece]
        assert said[-1][-1] == WORDS[-1]
