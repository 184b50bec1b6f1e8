"""From a push of DingTalk through the inbox, the pipeline and the outbox, and back."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from apps.accounts import identity
from apps.accounts.models import Person
from apps.assistant import drain, inbox, pipeline, reply
from apps.assistant.models import Conversation, Job, Message
from apps.audit.log import Actor
from apps.core import work
from apps.im import bots, cards, delivery, marks, transport
from apps.im.models import Bot, Delivery
from apps.im.sender import sender
from apps.simulate.desk import Push
from apps.simulate.dingtalk import DingTalkStand

pytestmark = pytest.mark.django_db(transaction=True)
ACTOR = Actor.system("tests")


@pytest.fixture
def bot(
    dingtalk_stand: DingTalkStand,
    alice: Person,
    monkeypatch: pytest.MonkeyPatch,
    settings: Any,
) -> Bot:
    """A bot that talks to the stand; Alice is bound to it. Rows are sent by `deliver` alone."""
    monkeypatch.setattr(sender, "submit", lambda deliveries: None)
    settings.CLAWDBOT_PUBLIC_URL = "https://bots.example.com"
    bots.ensure_builtin(ACTOR)
    made = bots.add_bot("dingtalk", "office", dingtalk_stand.config(), ACTOR)
    identity.bind(alice, made, dingtalk_stand.people["alice"], ACTOR)
    return made


def post(bot: Bot, push: Push) -> tuple[int, Any]:
    named = {k: v for k, v in push.headers.items() if k != "Content-Type"}
    query = "&".join(f"{name}={value}" for name, value in push.query.items())
    address = f"/webhooks/dingtalk/{bot.slug}/" + (f"?{query}" if query else "")
    answer = Client(headers=named).post(address, push.body, content_type="application/json")
    return answer.status_code, answer.json()


def handle() -> None:
    for lane in ("control", "interactive"):
        while claimed := drain.claim(lane):
            pipeline.handle(claimed, timezone.now())


def deliver() -> None:
    """Send what waits, one attempt each."""
    Delivery.objects.update(state="pending", lease_until=None)
    parcels, unfit = marks.prepare(work.claim(delivery.due(timezone.now()), 100))
    assert not unfit

    async def all_of_them() -> list[transport.Result]:
        return list(await asyncio.gather(*map(transport.transmit, parcels)))

    marks.mark(asyncio.run(all_of_them()))


@pytest.mark.parametrize("group", [False, True])
def test_a_ping_is_answered_once_where_it_was_asked(
    dingtalk_stand: DingTalkStand, bot: Bot, group: bool
) -> None:
    push = dingtalk_stand.say("/ping", group=group)
    for one in (push, dingtalk_stand.again(push), push):
        assert post(bot, one) == (200, {"msgtype": "empty"})
    handle()
    deliver()
    (seen,) = dingtalk_stand.answers_to(push)
    assert "pong" in seen.text
    assert seen.chat == dingtalk_stand.chat_of("alice", group=group)
    assert Message.objects.get().state == "done"


def test_what_is_not_said_to_the_bot_is_left_alone(dingtalk_stand: DingTalkStand, bot: Bot) -> None:
    post(bot, dingtalk_stand.say("/ping", group=True, mention=False))
    handle()
    assert not Delivery.objects.exists()


def test_a_stranger_gets_a_code_that_nobody_else_sees(
    dingtalk_stand: DingTalkStand, bot: Bot
) -> None:
    push = dingtalk_stand.say("/ping", "mallory")
    post(bot, push)
    handle()
    deliver()
    (seen,) = dingtalk_stand.visible()
    assert seen.chat == dingtalk_stand.chat_of("mallory")
    assert "pong" not in seen.text


def test_what_a_schedule_asks_is_answered_in_a_private_chat(
    dingtalk_stand: DingTalkStand, bot: Bot, alice: Person
) -> None:
    post(bot, dingtalk_stand.say("/ping"))
    handle()
    deliver()
    chat = Conversation.objects.get()
    for number in range(2):
        inbox.store_fired(
            conversation=chat, person_id=alice.pk, text="/ping", event_id=f"fired:{number}",
            due=timezone.now(),
        )  # fmt: skip
        handle()
        deliver()
    seen = {(one.private_to, "pong" in one.text) for one in dingtalk_stand.visible()}
    assert (dingtalk_stand.people["alice"], True) in seen
    assert set(Delivery.objects.values_list("state", flat=True)) == {"sent"}


def test_what_nobody_asked_for_finds_its_way_into_a_private_chat(
    dingtalk_stand: DingTalkStand, bot: Bot
) -> None:
    """A reminder answers no message: there is no reply address, and a chat's id leads nowhere."""
    post(bot, dingtalk_stand.say("/ping"))
    handle()
    deliver()
    chat = Conversation.objects.get()
    made = reply.to_conversation(
        chat, "notice", cards.answer("do not forget"), now=timezone.now(), job=Job(),
        language="en",
    )  # fmt: skip
    made.job = None
    delivery.create([made], take=False)
    deliver()
    seen = dingtalk_stand.visible()[-1]
    assert (seen.text, seen.private_to) == ("do not forget", dingtalk_stand.people["alice"])


def test_buttons_know_their_way_back(dingtalk_stand: DingTalkStand, bot: Bot) -> None:
    """The address for clicks is told with the first card."""
    push = dingtalk_stand.say("/help")
    post(bot, push)
    handle()
    row = Delivery.objects.get(role="answer")
    row.card = {**row.card, "buttons": [{"label": "Ping", "cmd": "/ping"}]}
    row.save()
    deliver()
    seen = dingtalk_stand.answers_to(push)[0]
    assert seen.message_id == str(row.key)
    (registered,) = dingtalk_stand.calls_to("callbacks/register")
    assert registered.json()["callbackUrl"] == bots.address_of(bot)
    status, _ = post(bot, dingtalk_stand.click(seen, seen.buttons[0][1]))
    assert status == 200
    assert Message.objects.filter(kind="card_action").count() == 1
