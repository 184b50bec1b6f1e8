"""Answers to Feishu, through the real door, against a strict stand-in of its API."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from apps.core.http import Door
from apps.im import calls, cards
from apps.im.base import (
    BotBroken,
    Facts,
    Later,
    Outgoing,
    Permanent,
    SendContext,
    UnknownOutcome,
    get_platform,
)
from apps.im.cards import Button, Card, Choice, Fields, Form, Input, Table, Text
from apps.im.tokens import TokenCache
from apps.simulate.feishu import FeishuStand
from apps.simulate.server import Answer

KEY = "0b0e4f6e-6a0b-4d2f-9f0e-2f1d3c4b5a69"
FEISHU = get_platform("feishu")
SEND = "/open-apis/im/v1/messages"
TOKEN = "tenant_access_token"


def context(stand: FeishuStand, **config: Any) -> SendContext:
    return SendContext(stand.config(**config), 1, Door(), TokenCache())


def outgoing(card: Card | None = None, **changes: Any) -> Outgoing:
    fields: dict[str, Any] = {
        "key": KEY,
        "role": "answer",
        "chat_id": "oc_alice",
        "chat_type": "private",
        "card": card or cards.answer("pong", title="/ping"),
        "language": "en",
    }
    return Outgoing(**fields | changes)


def refusal(code: int, status: int = 400, **headers: str) -> Answer:
    return Answer(status, {"code": code, "msg": "refused"}, headers)


async def test_an_answer_is_a_card_in_the_chat(feishu_stand: FeishuStand) -> None:
    card = Card(
        "Hello",
        "green",
        (
            Text("**plain**"),
            Text("**bold**", markdown=True),
            Fields((("name", "value"),)),
            cards.Divider(),
            Table(("a", "b"), (("1", "2"),)),
        ),
        (Button("Stop", "/cancel 7", "danger", "a1.b2.k.mac"), Button("Again", "/retry 7")),
    )
    sent = await FEISHU.send(context(feishu_stand), outgoing(card))
    (shown,) = feishu_stand.visible("oc_alice")
    assert sent.platform_message_id == shown.message_id
    assert shown.buttons == [("Stop", '{"t": "a1.b2.k.mac"}'), ("Again", '{"t": ""}')]
    for word in ("Hello", "**plain**", "**bold**", "name: value", "1", "2", "Stop", "Again"):
        assert word in shown.words
    assert shown.content["header"]["template"] == "green"


async def test_an_answer_replies_to_its_message(feishu_stand: FeishuStand) -> None:
    await FEISHU.send(context(feishu_stand), outgoing(reply_to="om_x/../y"))
    (shown,) = feishu_stand.visible()
    assert shown.reply_to == "om_x/../y"  # one segment of the path, whatever it holds


async def test_a_recalled_message_does_not_take_its_answer_along(
    feishu_stand: FeishuStand,
) -> None:
    feishu_stand.recalled.add("om_gone")
    await FEISHU.send(context(feishu_stand), outgoing(reply_to="om_gone"))
    (shown,) = feishu_stand.visible("oc_alice")
    assert shown.reply_to == ""


async def test_private_words_go_to_the_person_and_not_into_the_group(
    feishu_stand: FeishuStand,
) -> None:
    out = outgoing(chat_id="oc_group", private_to="ou_bob", reply_to="om_1")
    await FEISHU.send(context(feishu_stand), out)
    (shown,) = feishu_stand.visible()
    assert shown.to == "ou_bob"


async def test_a_repeat_shows_nothing_twice(feishu_stand: FeishuStand) -> None:
    ctx = context(feishu_stand)
    first = await FEISHU.send(ctx, outgoing())
    assert await FEISHU.send(ctx, outgoing()) == first
    assert len(feishu_stand.visible()) == 1
    (uuid,) = {call.json()["uuid"] for call in feishu_stand.calls_to(SEND)}
    assert len(uuid) <= 50


async def test_a_repeat_that_may_be_seen_says_so(feishu_stand: FeishuStand) -> None:
    await FEISHU.send(context(feishu_stand), outgoing(repeat=True))
    assert "may be a repeat" in feishu_stand.visible()[0].words


async def test_a_long_answer_arrives_whole_and_once(feishu_stand: FeishuStand) -> None:
    text = "\n".join(f"line {n} 汉字 <at id=all>" for n in range(3000))
    ctx, out = context(feishu_stand), outgoing(cards.answer(text, title="long"))
    feishu_stand.fail(SEND, "answer", refusal(99991400, 429), times=1)
    with pytest.raises(Later):
        await FEISHU.send(ctx, out)
    first = await FEISHU.send(ctx, out)
    assert await FEISHU.send(ctx, out) == first
    card, *texts = feishu_stand.visible()
    assert card.message_id == first.platform_message_id
    assert "follows below" in card.words
    whole = "".join(one.content["text"] for one in texts).replace("\u200b", "")
    assert whole == f"long\n\n{text}"


async def test_half_of_a_long_answer_is_finished_by_the_repeat(feishu_stand: FeishuStand) -> None:
    ctx, out = context(feishu_stand), outgoing(cards.answer("word " * 12_000))
    await ctx.tokens.get("x", _no_token)
    feishu_stand.fail(SEND, "answer", Answer(500), times=1)
    with pytest.raises(Later):
        await FEISHU.send(ctx, out)
    assert not feishu_stand.visible()
    await FEISHU.send(ctx, out)
    whole = len(feishu_stand.visible())
    feishu_stand.forget_uuids()
    assert whole == 1 + len(feishu_stand.visible()[1:]) > 4


async def _no_token() -> tuple[str, float]:
    return "t", 100.0


@pytest.mark.parametrize("code", [230099, 11310, 230025, 230001, 300305, 200621])
async def test_a_card_that_cannot_be_drawn_becomes_text(
    feishu_stand: FeishuStand, code: int
) -> None:
    feishu_stand.fail(SEND, "answer", refusal(code))
    card = cards.answer("pong", title="/ping", buttons=[Button("More", "/help")])
    sent = await FEISHU.send(context(feishu_stand), outgoing(card))
    (shown,) = feishu_stand.visible()
    assert sent.platform_message_id == shown.message_id
    assert shown.msg_type == "text"
    assert all(word in shown.words for word in ("/ping", "pong", "/help", "More"))


async def test_six_tables_are_drawn(feishu_stand: FeishuStand) -> None:
    table = Table(("head",), (("cell",),))
    await FEISHU.send(context(feishu_stand), outgoing(Card("t", "blue", (table,) * 8)))
    (shown,) = feishu_stand.visible()
    assert (shown.msg_type, shown.words.count("cell")) == ("interactive", 8)


# ---- errors ----


async def test_the_token_is_fetched_once_and_again_when_it_is_refused(
    feishu_stand: FeishuStand,
) -> None:
    ctx = context(feishu_stand)
    await FEISHU.send(ctx, outgoing())
    await FEISHU.send(ctx, outgoing(key="k2"))
    assert len(feishu_stand.calls_to(TOKEN)) == 1
    feishu_stand.revoke_tokens()
    await FEISHU.send(ctx, outgoing(key="k3"))
    assert len(feishu_stand.calls_to(TOKEN)) == 2
    assert len(feishu_stand.visible()) == 3


@pytest.mark.parametrize("code", [99991661, 99991663, 99991664, 99991665, 99991668, 99991671])
async def test_a_token_that_is_always_refused_is_refreshed_once(
    feishu_stand: FeishuStand, code: int
) -> None:
    feishu_stand.fail(SEND, "answer", refusal(code), times=5)
    with pytest.raises(Later):
        await FEISHU.send(context(feishu_stand), outgoing())
    assert len(feishu_stand.calls_to(SEND)) == 2
    assert len(feishu_stand.calls_to(TOKEN)) == 2


@pytest.mark.parametrize(
    ("answer", "delay"),
    [
        (refusal(99991400, 429, **{"x-ogw-ratelimit-reset": "7"}), 7.0),
        (refusal(99991400, 400, **{"x-ogw-ratelimit-reset": "7"}), 7.0),
        (refusal(99991400, 429, **{"x-ogw-ratelimit-reset": "soon"}), 0.0),
        (Answer(429, None, {"retry-after": "3"}), 3.0),
        (refusal(230020), 0.0),
        (refusal(11232), 0.0),
        (refusal(230049), 0.0),
        (Answer(500, {"code": 0}), 0.0),
        (Answer(502), 0.0),
        (Answer(503, None, {"retry-after": "999999"}), 3600.0),
    ],
)
async def test_what_passes_by_itself_is_tried_later(
    feishu_stand: FeishuStand, answer: Answer, delay: float
) -> None:
    feishu_stand.fail(SEND, "answer", answer)
    with pytest.raises(Later) as caught:
        await FEISHU.send(context(feishu_stand), outgoing())
    assert caught.value.delay_s == delay
    assert len(feishu_stand.calls_to(SEND)) == 1


@pytest.mark.parametrize("code", [230002, 230006, 230013, 230018, 230022, 99991672, 99991679])
async def test_what_is_refused_for_good_is_not_tried_as_text(
    feishu_stand: FeishuStand, code: int
) -> None:
    feishu_stand.fail(SEND, "answer", refusal(code))
    with pytest.raises(Permanent) as caught:
        await FEISHU.send(context(feishu_stand), outgoing())
    assert caught.value.vendor_code == str(code)
    assert len(feishu_stand.calls_to(SEND)) == 1


async def test_an_unknown_chat_is_permanent(feishu_stand: FeishuStand) -> None:
    with pytest.raises(Permanent):
        await FEISHU.send(context(feishu_stand), outgoing(chat_id="oc_none"))


async def test_wrong_credentials_are_the_bots_fault(feishu_stand: FeishuStand) -> None:
    with pytest.raises(BotBroken) as caught:
        await FEISHU.send(context(feishu_stand, app_secret="wrong-secret"), outgoing())
    assert caught.value.vendor_code == "10014"
    assert "wrong-secret" not in str(caught.value)


@pytest.mark.parametrize("kind", ["reset", "cut", "hang"])
async def test_nobody_knows_and_the_repeat_is_safe(
    feishu_stand: FeishuStand, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "TIMEOUT_S", 0.3)
    ctx = context(feishu_stand)
    # Whatever the door tries by itself meets the same fault.
    feishu_stand.fail(SEND, kind, after=True, times=2)
    with pytest.raises(UnknownOutcome):
        await asyncio.wait_for(FEISHU.send(ctx, outgoing()), 5)
    feishu_stand._faults.clear()
    sent = await FEISHU.send(ctx, outgoing())
    (shown,) = feishu_stand.visible()
    assert shown.message_id == sent.platform_message_id


async def test_an_answer_that_says_nothing_is_unknown(feishu_stand: FeishuStand) -> None:
    feishu_stand.fail(SEND, "answer", Answer(200, "<html>"))
    with pytest.raises(UnknownOutcome):
        await FEISHU.send(context(feishu_stand), outgoing())


async def test_nothing_listens(feishu_stand: FeishuStand) -> None:
    with pytest.raises(Later):
        await FEISHU.send(context(feishu_stand, api_base="http://127.0.0.1:9"), outgoing())


# ---- edits ----


async def test_a_card_is_edited_in_place(feishu_stand: FeishuStand) -> None:
    ctx = context(feishu_stand)
    sent = await FEISHU.send(ctx, outgoing(cards.answer("1 of 2"), role="progress"))
    edit = outgoing(
        cards.answer("2 of 2"),
        role="progress",
        platform_message_id=sent.platform_message_id,
        revision=1,
    )
    assert await FEISHU.update(ctx, edit) == sent
    (shown,) = feishu_stand.visible()
    assert ("2 of 2" in shown.words, shown.edits) == (True, 1)


async def test_a_repeat_shows_the_newest_revision(feishu_stand: FeishuStand) -> None:
    ctx = context(feishu_stand)
    feishu_stand.fail(SEND, "cut", after=True, times=2)
    with pytest.raises(UnknownOutcome):
        await FEISHU.send(ctx, outgoing(cards.answer("1 of 2"), role="progress"))
    feishu_stand._faults.clear()
    later = outgoing(cards.answer("2 of 2"), role="progress", revision=1)
    sent = await FEISHU.send(ctx, later)
    (shown,) = feishu_stand.visible()
    assert shown.message_id == sent.platform_message_id
    assert "2 of 2" in shown.words


async def test_an_edit_that_is_too_long_is_cut(feishu_stand: FeishuStand) -> None:
    ctx = context(feishu_stand)
    sent = await FEISHU.send(ctx, outgoing())
    long = outgoing(cards.answer("汉" * 40_000), platform_message_id=sent.platform_message_id)
    await FEISHU.update(ctx, long)
    (shown,) = feishu_stand.visible()
    assert shown.edits == 1


async def test_an_edit_that_cannot_be_drawn_becomes_plain_words(
    feishu_stand: FeishuStand,
) -> None:
    ctx = context(feishu_stand)
    sent = await FEISHU.send(ctx, outgoing())
    feishu_stand.fail(SEND, "answer", refusal(230099), method="PATCH")
    edit = outgoing(
        Card("t", "red", (Table(("a",), (("1",),)),), (Button("x", "/x"),)),
        platform_message_id=sent.platform_message_id,
    )
    await FEISHU.update(ctx, edit)
    (shown,) = feishu_stand.visible()
    assert "/x" in shown.words
    assert shown.buttons == []


async def test_an_edit_of_what_is_gone_is_permanent(feishu_stand: FeishuStand) -> None:
    with pytest.raises(Permanent):
        await FEISHU.update(context(feishu_stand), outgoing(platform_message_id="om_none"))


# ---- check and learn ----


async def test_check_of_a_sound_bot(feishu_stand: FeishuStand) -> None:
    found = await FEISHU.check(context(feishu_stand))
    assert all(check.ok for check in found)
    named = {"encrypt_key", "app_secret", "bot", "bot_open_id"}
    app = {"scopes", "event_subscription", "card_callback"}
    assert {check.name for check in found} == named | app


@pytest.mark.parametrize(
    ("config", "wrong"),
    [
        ({"app_id": ""}, {"app_id"}),
        ({"app_secret": ""}, {"app_secret"}),
        ({"app_secret": "other"}, {"app_secret"}),
        ({"encrypt_key": ""}, {"encrypt_key"}),
        ({"bot_open_id": "ou_other"}, {"bot_open_id"}),
        ({"bot_open_id": ""}, set()),
        ({"api_base": "http://127.0.0.1:9"}, {"app_secret"}),
    ],
)
async def test_check_names_exactly_what_is_wrong(
    feishu_stand: FeishuStand, config: dict[str, str], wrong: set[str]
) -> None:
    found = await FEISHU.check(context(feishu_stand, **config))
    assert {check.name for check in found if not check.ok} == wrong


async def test_check_blames_no_secret_when_feishu_is_away(feishu_stand: FeishuStand) -> None:
    gone = context(feishu_stand, api_base="http://127.0.0.1:9")
    (wrong,) = [check for check in await FEISHU.check(gone) if not check.ok]
    assert "cannot be reached" in wrong.text.en
    assert "compare" not in wrong.text.en


async def test_check_says_that_the_bot_ability_is_missing(feishu_stand: FeishuStand) -> None:
    feishu_stand.fail("/bot/v3/info", "answer", refusal(230006))
    found = await FEISHU.check(context(feishu_stand))
    (wrong,) = [check for check in found if not check.ok]
    assert wrong.name == "bot"
    assert "Bot ability" in wrong.text.en


async def test_the_bot_learns_who_it_is(feishu_stand: FeishuStand) -> None:
    learned = await FEISHU.learn(context(feishu_stand, bot_open_id=""))
    assert learned == {"bot_open_id": feishu_stand.signer.bot_open_id}


async def test_check_names_what_the_app_lacks(feishu_stand: FeishuStand) -> None:
    app, ctx = feishu_stand.app, context(feishu_stand)

    async def wrong() -> dict[str, str]:
        return {c.name: c.text.en for c in await FEISHU.check(ctx) if not c.ok}

    assert await wrong() == {}
    app.scopes.discard("im:message")
    app.events, app.callbacks = [], []
    found = await wrong()
    assert "im:message;" in found["scopes"]
    assert "im.message.receive_v1" in found["event_subscription"]
    assert "card.action.trigger" in found["card_callback"]
    app.scopes.add("im:message:send_as_bot")
    app.events, app.callbacks = ["im.message.receive_v1"], ["card.action.trigger"]
    app.address = "https://other.example.com/"
    ctx = replace(ctx, facts=Facts(address="https://bot.example.com/webhooks/feishu/x/"))
    assert set(await wrong()) == {"event_subscription", "card_callback"}


async def test_check_does_without_what_may_not_be_asked(feishu_stand: FeishuStand) -> None:
    refused = Answer(400, {"code": 99991672, "msg": "Access denied"})
    feishu_stand.fail("/application/v6/", "answer", refused, times=2)
    assert all(check.ok for check in await FEISHU.check(context(feishu_stand)))


# ---- forms and mentions ----

FORM = Form(
    (
        Input("what", "What", hint="What do you want?"),
        Input("count", "How many", "number", required=False),
        Input("day", "Which day", "date"),
        Input("at", "", "time"),
        Input("size", "Size", choices=(Choice("s", "Small"), Choice("l", "Large"))),
    ),
    Button("Send", "/fill K7", "primary", "2a.b.k.m"),
)


async def test_a_form_is_drawn_with_its_inputs(feishu_stand: FeishuStand) -> None:
    await FEISHU.send(context(feishu_stand), outgoing(cards.Card("Order", form=FORM)))
    (shown,) = feishu_stand.visible()
    assert shown.inputs == ["what", "count", "day", "at", "size"]
    assert shown.buttons == [("Send", '{"t": "2a.b.k.m"}')]
    for word in ("What do you want?", "How many", "Small", "l"):
        assert word in shown.words
    (form,) = shown.content["body"]["elements"]
    drawn = {one["name"]: one for one in form["elements"] if "name" in one}
    assert [drawn[name]["tag"] for name in ("what", "day", "at", "size")] == [
        *("input", "date_picker", "picker_time", "select_static"),
    ]
    assert (drawn["what"]["required"], drawn["count"]["required"]) == (True, False)
    assert drawn["submit-0"]["form_action_type"] == "submit"


async def test_a_new_message_alerts_whoever_asked(feishu_stand: FeishuStand) -> None:
    await FEISHU.send(context(feishu_stand), outgoing(mention="ou_alice"))
    (shown,) = feishu_stand.visible()
    first = shown.content["body"]["elements"][0]
    assert first == {"tag": "markdown", "content": "<at id=ou_alice></at>"}


async def test_words_instead_of_a_card_alert_too(feishu_stand: FeishuStand) -> None:
    feishu_stand.fail(SEND, "answer", refusal(230099), method="POST")
    await FEISHU.send(context(feishu_stand), outgoing(mention="ou_alice"))
    (shown,) = feishu_stand.visible()
    assert shown.content["text"].startswith('<at user_id="ou_alice"></at> ')


@pytest.mark.parametrize("mention", ["", "all", "ou_a>", "ou_x y", "ou_a></at><at id=all"])
async def test_nobody_else_is_alerted(feishu_stand: FeishuStand, mention: str) -> None:
    await FEISHU.send(context(feishu_stand), outgoing(mention=mention))
    (shown,) = feishu_stand.visible()
    assert "<at" not in shown.words


async def test_a_card_that_is_cut_asks_in_words(feishu_stand: FeishuStand) -> None:
    long = cards.Card("Order", blocks=(Text("word " * 20_000),), form=FORM)
    await FEISHU.send(context(feishu_stand), outgoing(long))
    assert len(feishu_stand.visible()) > 1
