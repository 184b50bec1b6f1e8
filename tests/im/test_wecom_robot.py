"""WeCom's group robot: posts out, nothing in, refusals in words for an administrator."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from apps.core.http import Door
from apps.im import calls, cards
from apps.im.base import (
    BotBroken,
    DeliveryError,
    InboundRequest,
    Later,
    Media,
    Outgoing,
    Permanent,
    SendContext,
    UnknownOutcome,
    get_platform,
)
from apps.im.cards import Button, Card, Divider, Fields, Table, Text
from apps.im.tokens import TokenCache
from apps.simulate.server import Answer, Call, Fault
from apps.simulate.wecom_robot import WeComRobotStand

ROBOT = get_platform("wecom_robot")
PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)
HOOK = "/webhook/send"


@pytest.fixture
def stand() -> Iterator[WeComRobotStand]:
    """One group with a robot."""
    with WeComRobotStand() as made:
        yield made


@pytest.fixture
def ctx(stand: WeComRobotStand) -> SendContext:
    return context(stand)


def context(stand: WeComRobotStand, **changes: Any) -> SendContext:
    return SendContext(stand.config(**changes), 1, Door(), TokenCache())


def out(card: Card | None = None, **changes: Any) -> Outgoing:
    given: dict[str, Any] = {"key": "k1", "role": "notice", "chat_id": "group"}
    card = card or cards.answer("all is well", title="Report", buttons=[Button("Again", "/again")])
    return Outgoing(**given | {"chat_type": "group", "card": card, "language": "en"} | changes)


def kinds(stand: WeComRobotStand) -> list[str]:
    return [seen.raw.get("msgtype", "") for seen in stand.visible()]


async def test_words_without_buttons(stand: WeComRobotStand, ctx: SendContext) -> None:
    await ROBOT.send(ctx, out())
    (seen,) = stand.visible()
    assert (seen.text, kinds(stand)) == ("Report\n\nall is well", ["text"])


async def test_tables_and_markup_are_drawn(stand: WeComRobotStand, ctx: SendContext) -> None:
    card = Card(
        "Report",
        "green",
        (
            Text("**bold**\n```\ncode\n```", markdown=True),
            Fields((("Days", "3"),)),
            Divider(),
            Table(("a", "b"), (("1", "two\nlines"), ("", "2"))),
        ),
    )
    await ROBOT.send(ctx, out(card))
    (seen,) = stand.visible()
    assert kinds(stand) == ["markdown_v2"]
    assert seen.text == (
        "## Report\n\n**bold**\n```\ncode\n```\n\n- Days: 3\n\n---\n\n"
        "| a | b |\n| --- | --- |\n| 1 | two lines |\n|   | 2 |"
    )


@pytest.mark.parametrize(
    "card",
    [
        Card("a [link](x)", "blue", (Text("**bold**", markdown=True),)),
        Card("", "blue", (Text("- list", markdown=True), Text("*letter*"))),
        Card("", "blue", (Table(("a",), (("x | y",),)),)),
        Card("", "blue", (Table(("a",), (("[x](y)",),)),)),
        Card("", "blue", (Text("nothing to draw", markdown=True),)),
    ],
)
async def test_what_is_meant_literally_stays(
    stand: WeComRobotStand, ctx: SendContext, card: Card
) -> None:
    await ROBOT.send(ctx, out(card))
    (seen,) = stand.visible()
    assert (kinds(stand), seen.text) == (["text"], cards.to_text(card))


async def test_somebody_is_alerted(stand: WeComRobotStand, ctx: SendContext) -> None:
    card = Card("", "blue", (Text("**done** <@all>", markdown=True),))
    await ROBOT.send(ctx, out(card, mention="Alice"))
    (seen,) = stand.visible()
    assert seen.raw["text"]["mentioned_list"] == ["Alice"]
    assert "<@all>" not in seen.text


@pytest.mark.parametrize("markdown", [False, True])
async def test_a_long_answer_goes_on_where_it_broke_off(
    stand: WeComRobotStand, ctx: SendContext, markdown: bool
) -> None:
    text = "\n".join(f"- row {n} 汉字汉字" for n in range(600))
    first = out(cards.answer(text, markdown=markdown))
    calls_so_far: list[Call] = []

    def third(call: Call) -> Fault | None:
        calls_so_far.append(call)
        refused = Answer(200, {"errcode": 45009})
        return Fault("", "answer", refused) if len(calls_so_far) == 3 else None

    stand.trouble = third
    with pytest.raises(Later) as caught:
        await ROBOT.send(ctx, first)
    assert (caught.value.delay_s, caught.value.done) == (60.0, {"pieces": 2})
    await ROBOT.send(ctx, replace(first, context=caught.value.done))
    assert "".join(seen.text for seen in stand.visible()) == text
    assert len(calls_so_far) == len(stand.visible()) + 1


async def test_only_a_button_is_still_something(stand: WeComRobotStand, ctx: SendContext) -> None:
    await ROBOT.send(ctx, out(Card(buttons=(Button("Again", "/again"),))))
    assert "/again" in stand.visible()[0].text


@pytest.mark.parametrize(
    ("media", "name"),
    [
        (Media(PNG, "a.png", "image/png"), "picture"),
        (Media(b"no picture", "a.png", "image/png"), "a.png"),
        (Media(b"%PDF-1.7", "报告.pdf", "application/pdf"), "报告.pdf"),
        (Media(b"a,b", "t.csv", "text/csv"), "t.csv"),
    ],
)
async def test_files(stand: WeComRobotStand, ctx: SendContext, media: Media, name: str) -> None:
    await ROBOT.send(ctx, out(files=(media,)))
    _, file = stand.visible()
    ((shown, data),) = file.files
    assert (shown, data.rstrip(b"\n")) == (name, media.data)


@pytest.mark.parametrize("size", [0, 20 * 2**20 + 1])
async def test_files_of_wrong_sizes(stand: WeComRobotStand, ctx: SendContext, size: int) -> None:
    with pytest.raises(Permanent) as caught:
        await ROBOT.send(ctx, out(files=(Media(bytes(size), "x.bin"),)))
    assert caught.value.done == {"pieces": 1}


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Answer(200, {"errcode": 93000}), BotBroken),
        (Answer(200, {"errcode": 93004}), BotBroken),
        (Answer(200, {"errcode": 93008}), BotBroken),
        (Answer(200, {"errcode": -1}), Later),
        (Answer(429, None, {"retry-after": "9"}), Later),
        (Answer(200, {"errcode": 40058}), Permanent),
        (Answer(502), UnknownOutcome),
        (Answer(200, "<html>"), UnknownOutcome),
    ],
)
async def test_refusals(
    stand: WeComRobotStand, ctx: SendContext, answer: Answer, error: type[DeliveryError]
) -> None:
    stand.fail(HOOK, "answer", answer)
    with pytest.raises(error) as caught:
        await ROBOT.send(ctx, out())
    assert type(caught.value) is error or error is Permanent
    if answer.status == 429:
        assert isinstance(caught.value, Later)
        assert caught.value.delay_s == 9.0


async def test_a_cut_answer_is_not_sent_twice_by_itself(
    stand: WeComRobotStand, ctx: SendContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "TIMEOUT_S", 2.0)
    await ROBOT.send(ctx, out())
    stand.fail(HOOK, "reset", after=True)
    with pytest.raises(UnknownOutcome):
        await ROBOT.send(ctx, out())
    assert len(stand.visible()) == 2


async def test_another_key(stand: WeComRobotStand) -> None:
    ctx = context(stand, webhook_url=f"{stand.url}/cgi-bin/webhook/send?key=other")
    with pytest.raises(BotBroken):
        await ROBOT.send(ctx, out())


@pytest.mark.parametrize(
    ("url", "wrong"),
    [
        ("", True),
        ("https://example.com/", True),
        ("https://qyapi.weixin.qq.com/cgi-bin/webhook/send", True),
        ("https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=", True),
        ("ftp://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=k", True),
        ("https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=k", False),
    ],
)
def test_the_address_of_a_robot(url: str, wrong: bool) -> None:
    assert bool(ROBOT.can_enable({"webhook_url": url})) == wrong


async def test_check(stand: WeComRobotStand) -> None:
    (check,) = await ROBOT.check(context(stand))
    assert check.ok
    assert stand.visible() == []
    for url in (f"{stand.url}/cgi-bin/webhook/send?key=other", "", "http://127.0.0.1:9/x"):
        (check,) = await ROBOT.check(context(stand, webhook_url=url))
        assert not check.ok
    stand.go_down()
    (check,) = await ROBOT.check(context(stand))
    assert not check.ok


def test_it_hears_nothing() -> None:
    request = InboundRequest("POST", "/webhooks/wecom_robot/r/", {}, {}, b"{}")
    received = ROBOT.receive({}, request, 0)
    assert (received.verdict, received.reason) == ("reject", "missing_signature")
    assert not ROBOT.abilities.receives
