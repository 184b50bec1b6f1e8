"""Answers to your own system: signed, the same on every repeat, clear about errors."""

from __future__ import annotations

from typing import Any

import pytest

from apps.core.http import Door
from apps.im import calls, cards
from apps.im.base import Later, Outgoing, Permanent, SendContext, UnknownOutcome, get_platform
from apps.im.cards import Button, Card, Form, Input
from apps.im.tokens import TokenCache
from apps.simulate.server import Answer
from apps.simulate.webhook import WebhookStand

KEY = "0b0e4f6e-6a0b-4d2f-9f0e-2f1d3c4b5a69"
WEBHOOK = get_platform("webhook")


def context(stand: WebhookStand, **config: Any) -> SendContext:
    return SendContext(stand.config(**config), 1, Door(), TokenCache())


def outgoing(**changes: Any) -> Outgoing:
    fields: dict[str, Any] = {
        "key": KEY,
        "role": "answer",
        "chat_id": "c-alice",
        "chat_type": "private",
        "in_reply_to": "m1",
        "card": cards.answer("pong 汉字", title="/ping", buttons=[Button("Help", "/help")]),
        "language": "en",
    }
    return Outgoing(**fields | changes)


async def test_an_answer_is_posted_and_signed(webhook_stand: WebhookStand) -> None:
    out = outgoing()
    sent = await WEBHOOK.send(context(webhook_stand), out)
    assert sent.platform_message_id == KEY
    assert webhook_stand.problems == []
    (body,) = webhook_stand.of("m1", "answer")
    assert (body["id"], body["type"]) == (KEY, "message.created")
    assert body["conversation"] == {"id": "c-alice", "type": "private"}
    assert body["text"] == cards.to_text(out.card, "en")
    assert Card.from_json(body["card"]) == out.card
    (call,) = webhook_stand.calls
    assert call.headers["webhook-id"] == KEY
    assert call.headers["content-type"].startswith("application/json")


async def test_repeats_are_one_event_and_edits_are_events_of_their_own(
    webhook_stand: WebhookStand,
) -> None:
    ctx = context(webhook_stand)
    await WEBHOOK.send(ctx, outgoing())
    await WEBHOOK.send(ctx, outgoing())
    for revision in (1, 2, 2):
        edit = outgoing(platform_message_id=KEY, revision=revision)
        assert (await WEBHOOK.update(ctx, edit)).platform_message_id == KEY
    assert [one["type"] for one in webhook_stand.received] == [
        "message.created",
        "message.updated",
        "message.updated",
    ]
    assert {one["id"] for one in webhook_stand.received} == {KEY}
    assert webhook_stand.repeats == 2


async def test_whoever_is_to_be_alerted_is_named(webhook_stand: WebhookStand) -> None:
    await WEBHOOK.send(context(webhook_stand), outgoing(mention="u-alice", mention_name="Alice"))
    (body,) = webhook_stand.received
    assert "@Alice" in body["text"]
    assert body["card"]["blocks"][0]["text"] == "@Alice"


async def test_tokens_and_forms_are_in_the_card(webhook_stand: WebhookStand) -> None:
    submit = Button("Send", "/fill K7", token="2a.b.k.m")
    card = Card(form=Form((Input("what", "What"),), submit))
    await WEBHOOK.send(context(webhook_stand), outgoing(card=card, text="What?"))
    (body,) = webhook_stand.received
    assert body["card"]["form"]["submit"]["token"] == "2a.b.k.m"
    assert body["card"]["form"]["inputs"][0]["name"] == "what"


async def test_a_repeat_brings_the_newest_revision(webhook_stand: WebhookStand) -> None:
    ctx = context(webhook_stand)
    await WEBHOOK.send(ctx, outgoing(card=cards.answer("1 of 2")))
    await WEBHOOK.send(ctx, outgoing(card=cards.answer("2 of 2"), revision=1))
    created, updated = webhook_stand.received
    assert (created["text"], updated["text"]) == ("1 of 2", "2 of 2")
    assert updated["type"] == "message.updated"


async def test_private_words_have_a_conversation_of_their_own(
    webhook_stand: WebhookStand,
) -> None:
    out = outgoing(chat_id="g", chat_type="group", private_to="u-bob", in_reply_to="")
    await WEBHOOK.send(context(webhook_stand), out)
    (body,) = webhook_stand.received
    assert body["conversation"] == {"id": "u-bob", "type": "private"}
    assert body["in_reply_to"] is None


@pytest.mark.parametrize(
    ("status", "error"),
    [(400, Permanent), (410, Permanent), (413, Permanent), (422, Permanent), (401, Later),
     (404, Later), (408, Later), (429, Later), (500, Later), (503, Later), (301, Later)],
)  # fmt: skip
async def test_refusals(webhook_stand: WebhookStand, status: int, error: type[Exception]) -> None:
    webhook_stand.fail("/replies", "answer", Answer(status, None, {"retry-after": "12"}))
    with pytest.raises(error) as caught:
        await WEBHOOK.send(context(webhook_stand), outgoing())
    if isinstance(caught.value, Later):
        assert caught.value.delay_s == 12


@pytest.mark.parametrize("kind", ["reset", "cut", "hang"])
async def test_nobody_knows(
    webhook_stand: WebhookStand, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "TIMEOUT_S", 0.3)
    ctx = context(webhook_stand)
    webhook_stand.fail("/replies", kind, after=True, times=2)
    with pytest.raises(UnknownOutcome):
        await WEBHOOK.send(ctx, outgoing())
    webhook_stand._faults.clear()
    await WEBHOOK.send(ctx, outgoing())
    assert len(webhook_stand.received) == 1


async def test_nothing_listens(webhook_stand: WebhookStand) -> None:
    with pytest.raises(Later):
        await WEBHOOK.send(context(webhook_stand, reply_url="http://127.0.0.1:9/"), outgoing())


async def test_a_secret_that_is_no_key_waits_to_be_mended(webhook_stand: WebhookStand) -> None:
    with pytest.raises(Later):
        await WEBHOOK.send(context(webhook_stand, secret="nonsense"), outgoing())
    assert not webhook_stand.calls


@pytest.mark.parametrize(
    ("config", "wrong"),
    [
        ({}, set()),
        ({"secret": "x"}, {"secret"}),
        ({"reply_url": "http://127.0.0.1:9/"}, {"reply_url"}),
        ({"reply_url": ""}, {"reply_url"}),
    ],
)
async def test_check(webhook_stand: WebhookStand, config: dict[str, str], wrong: set[str]) -> None:
    found = await WEBHOOK.check(context(webhook_stand, **config))
    assert {check.name for check in found if not check.ok} == wrong


@pytest.mark.parametrize("name", ["web", "cli"])
async def test_the_built_in_platforms_need_no_wire(name: str, webhook_stand: WebhookStand) -> None:
    platform = get_platform(name)
    assert platform.built_in
    out = outgoing(platform_message_id=KEY)
    assert (await platform.send(context(webhook_stand), out)).platform_message_id == KEY
    assert (await platform.update(context(webhook_stand), out)).platform_message_id == KEY


async def test_the_web_chat_is_told_and_does_not_depend_on_it(
    webhook_stand: WebhookStand,
) -> None:
    told: list[tuple[str, str]] = []

    async def push(chat_id: str, out: Outgoing) -> None:
        told.append((chat_id, out.key))
        raise RuntimeError("nobody listens")

    plain = context(webhook_stand)
    ctx = SendContext(plain.config, 1, plain.door, plain.tokens, push)
    sent = await get_platform("web").send(ctx, outgoing())
    assert sent.platform_message_id == KEY
    assert told == [("c-alice", KEY)]
