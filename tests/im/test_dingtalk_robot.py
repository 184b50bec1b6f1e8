"""DingTalk's group robot: signed posts out, nothing in, refusals in words for an administrator."""

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
from apps.simulate.dingtalk_robot import DingTalkRobotStand
from apps.simulate.server import Answer

ROBOT = get_platform("dingtalk_robot")
CARD = Card("Report", "green", (Text("all is well"),), (Button("Again", "/again"),))


@pytest.fixture
def stand() -> Iterator[DingTalkRobotStand]:
    with DingTalkRobotStand() as found:
        yield found


def context(stand: DingTalkRobotStand, **changes: Any) -> SendContext:
    return SendContext(stand.config(**changes), 1, Door(), TokenCache())


def out(card: Card = CARD, **changes: Any) -> Outgoing:
    given: dict[str, Any] = {"key": "k1", "role": "notice", "chat_id": "group", "language": "en"}
    return Outgoing(**given | {"chat_type": "group", "card": card} | changes)


def refusal(code: int, said: str = "refused") -> Answer:
    return Answer(200, {"errcode": code, "errmsg": said})


async def test_an_answer_is_signed_markdown_without_buttons(stand: DingTalkRobotStand) -> None:
    await ROBOT.send(context(stand), out())
    (seen,) = stand.visible()
    assert seen.text == "### Report\n\nall is well"
    assert seen.raw["markdown"]["title"] == "Report"


async def test_a_robot_without_a_signature(stand: DingTalkRobotStand) -> None:
    stand.secret = ""
    await ROBOT.send(context(stand, secret=""), out())
    assert len(stand.visible()) == 1


async def test_a_long_answer_goes_on_where_it_broke_off(stand: DingTalkRobotStand) -> None:
    words = [f"word{number}" for number in range(6000)]
    card = Card(blocks=(Text(" ".join(words)),))
    ctx = context(stand)
    await ROBOT.send(ctx, out(card))
    whole = [seen.text for seen in stand.visible()]
    assert "".join(whole).split() == words
    stand._seen.clear()
    stand.fail("/robot/send", "answer", refusal(-1), after=True)
    with pytest.raises(Later) as caught:
        await ROBOT.send(ctx, out(card))
    assert caught.value.done == {"pieces": 0}
    await ROBOT.send(ctx, out(card, context={"pieces": 1}))
    assert [seen.text for seen in stand.visible()] == whole


async def test_more_than_twenty_a_minute_is_ten_minutes_of_silence(
    stand: DingTalkRobotStand,
) -> None:
    ctx = context(stand)
    for _ in range(20):
        await ROBOT.send(ctx, out())
    with pytest.raises(Later, match="20") as caught:
        await ROBOT.send(ctx, out())
    assert caught.value.delay_s == 600
    assert ROBOT.abilities.chat_rates == ((20, 60),)


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (refusal(310000, "keywords not in content"), Permanent, "keyword"),
        (refusal(310000, "sign not match"), BotBroken, "SEC secret"),
        (refusal(310000, "ip x not in whitelist"), BotBroken, "IP"),
        (refusal(300005, "token is not exist"), BotBroken, "token"),
        (refusal(40035), Permanent, "refused"),
        (refusal(-1), Later, "refused"),
        (refusal(130101), Later, "20 messages"),
        (Answer(429, {}, {"retry-after": "4"}), Later, "429"),
        (Answer(500), UnknownOutcome, "500"),
        (Answer(200, "<html>"), UnknownOutcome, "200"),
    ],
)
async def test_refusals_say_what_to_do(
    stand: DingTalkRobotStand, answer: Answer, kind: type[DeliveryError], words: str
) -> None:
    stand.fail("/robot/send", "answer", answer)
    with pytest.raises(kind, match=words) as caught:
        await ROBOT.send(context(stand), out())
    assert type(caught.value) is kind
    assert stand.token not in str(caught.value)


@pytest.mark.parametrize(
    ("config", "wrong"),
    [
        ({}, set()),
        ({"secret": "SECother"}, {"secret"}),
        ({"secret": ""}, {"secret"}),
        ({"webhook_url": ""}, {"webhook_url"}),
        ({"webhook_url": "https://example.com/robot/send?access_token=x"}, {"webhook_url"}),
    ],
)
async def test_check_names_what_is_wrong(
    stand: DingTalkRobotStand, config: dict[str, str], wrong: set[str]
) -> None:
    found = await ROBOT.check(context(stand, **config))
    assert {check.name for check in found if not check.ok} == wrong
    assert not stand.visible()


async def test_check_of_a_robot_that_is_gone(stand: DingTalkRobotStand) -> None:
    url = f"{stand.url}/robot/send?access_token=gone"
    (found,) = await ROBOT.check(context(stand, webhook_url=url))
    assert (found.name, found.ok) == ("webhook_url", False)
    stand.go_down()
    (found,) = await ROBOT.check(context(stand))
    assert not found.ok


@pytest.mark.parametrize(
    ("url", "fine"),
    [
        ("https://oapi.dingtalk.com/robot/send?access_token=x", True),
        ("https://x.dingtalk.com/robot/send?access_token=x", True),
        ("http://oapi.dingtalk.com/robot/send?access_token=x", False),
        ("https://dingtalk.com.evil.example/", False),
        ("http://10.0.0.1/robot/send", False),
        ("", False),
    ],
)
def test_where_it_may_post_to(url: str, fine: bool) -> None:
    assert (not ROBOT.can_enable({"webhook_url": url})) is fine


@pytest.mark.django_db
def test_it_hears_nothing(stand: DingTalkRobotStand, client: Any) -> None:
    bot = bots.add_bot("dingtalk_robot", "news", stand.config(), Actor.cli())
    assert bots.address_of(bot) == ""
    assert stand.token not in str(bots.public_settings(bot)["webhook_url"])
    posted = client.post("/webhooks/dingtalk_robot/news/", b"{}", "application/json")
    assert posted.status_code == 404
    received = ROBOT.receive({}, InboundRequest("POST", "/", {}, {}, b"{}"), 0)
    assert (received.verdict, received.reason) == ("reject", "missing_signature")
    with pytest.raises(bots.BadSettings):
        bots.add_bot("dingtalk_robot", "none", {"webhook_url": "https://e.example"}, Actor.cli())
