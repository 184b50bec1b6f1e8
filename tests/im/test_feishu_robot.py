"""Feishu's group robot: signed posts out, nothing in, refusals in words for an administrator."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from apps.audit.log import Actor
from apps.core.http import Door
from apps.im import bots
from apps.im.base import (
    BotBroken,
    DeliveryError,
    InboundRequest,
    Later,
    Outgoing,
    Permanent,
    SendContext,
    UnknownOutcome,
    get_platform,
)
from apps.im.cards import Button, Card, Text
from apps.im.tokens import TokenCache
from apps.simulate.feishu_robot import FeishuRobotStand
from apps.simulate.server import Answer

ROBOT = get_platform("feishu_robot")
CARD = Card("Report", "green", (Text("all is well"),), (Button("Again", "/again"),))


@pytest.fixture
def stand() -> Iterator[FeishuRobotStand]:
    with FeishuRobotStand() as found:
        yield found


def context(stand: FeishuRobotStand, **changes: Any) -> SendContext:
    return SendContext(stand.config(**changes), 1, Door(), TokenCache())


def out(card: Card = CARD, **changes: Any) -> Outgoing:
    given: dict[str, Any] = {"key": "k1", "role": "notice", "chat_id": "group"}
    return Outgoing(**given | {"chat_type": "group", "card": card} | changes)


async def test_a_card_is_shown_without_buttons(stand: FeishuRobotStand) -> None:
    await ROBOT.send(context(stand), out())
    (seen,) = stand.visible()
    assert "all is well" in seen.text
    assert "/again" not in str(seen.raw)


async def test_a_long_answer_follows_whole_and_goes_on_where_it_broke_off(
    stand: FeishuRobotStand,
) -> None:
    words = [f"word{number}" for number in range(6000)]
    card = Card("Long", blocks=(Text(" ".join(words)),))
    stand.fail("/hook/", "answer", Answer(429, {"code": 11232}))
    with pytest.raises(Later):
        await ROBOT.send(context(stand), out(card))
    await ROBOT.send(context(stand), out(card))
    first, *rest = stand.visible()
    assert " ".join(piece.text.strip() for piece in rest).split()[1:] == words
    count = len(stand.visible())
    await ROBOT.send(context(stand), out(card, context={"pieces": count - 1}))
    assert len(stand.visible()) == count + 1
    assert "word0 word1" in first.text


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Answer(200, {"code": 11232, "msg": "frequency limited"}), Later),
        (Answer(429, {}), Later),
        (Answer(500, {}), UnknownOutcome),
        (Answer(200, {"code": 19001, "msg": "token invalid"}), BotBroken),
        (Answer(200, {"code": 19022, "msg": "ip not allowed"}), BotBroken),
        (Answer(200, {"code": 19024, "msg": "Key Words Not Found"}), Permanent),
        (Answer(400, {"code": 9499, "msg": "Bad Request"}), Permanent),
    ],
)
async def test_refusals_say_what_to_do(
    stand: FeishuRobotStand, answer: Answer, kind: type[DeliveryError]
) -> None:
    stand.fail("/hook/", "answer", answer)
    with pytest.raises(kind) as caught:
        await ROBOT.send(context(stand), out())
    assert type(caught.value) is kind
    assert stand.key not in str(caught.value)


async def test_a_wrong_secret_breaks_the_bot(stand: FeishuRobotStand) -> None:
    with pytest.raises(BotBroken, match="secret"):
        await ROBOT.send(context(stand, secret="other"), out())
    (check,) = await ROBOT.check(context(stand, webhook_url=stand.url + "/open-apis/bot/v2/hook/x"))
    assert check.failed
    (check,) = await ROBOT.check(context(stand))
    assert check.ok
    assert not stand.visible()


@pytest.mark.django_db
def test_it_hears_nothing(stand: FeishuRobotStand, client: Any) -> None:
    bot = bots.add_bot("feishu_robot", "news", stand.config(), Actor.cli())
    assert bots.address_of(bot) == ""
    assert bots.public_settings(bot)["webhook_url"] != stand.config()["webhook_url"]
    assert client.post("/webhooks/feishu_robot/news/", b"{}", "application/json").status_code == 404
    request = InboundRequest("POST", "/", {}, {}, b"{}")
    assert ROBOT.receive({}, request, 0).verdict == "reject"
    with pytest.raises(bots.BadSettings):
        bots.add_bot("feishu_robot", "none", {}, Actor.cli())
