"""Pushes of WeCom through the webhook address into the inbox, as people at its stand make them."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from apps.assistant.models import Message
from apps.audit.log import Actor
from apps.im.bots import add_bot
from apps.im.models import Bot
from apps.simulate.desk import Push
from apps.simulate.wecom import WeComStand

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def desk() -> WeComStand:
    """Nobody calls its API here."""
    return WeComStand()


@pytest.fixture
def bot(desk: WeComStand) -> Bot:
    config = desk.config(api_base="http://127.0.0.1:9")
    return add_bot("wecom", "office", config, Actor.system("tests"))


def push(bot: Bot, made: Push) -> tuple[int, bytes, str]:
    client, path = Client(), f"/webhooks/{bot.platform}/{bot.slug}/"
    if made.method == "GET":
        answer: Any = client.get(path, made.query)
    else:
        answer = client.post(path, made.body, content_type="text/xml", query_params=made.query)
    return answer.status_code, answer.content, answer.headers["Content-Type"]


def test_the_address_is_checked_with_a_bare_word(desk: WeComStand, bot: Bot) -> None:
    status, body, kind = push(bot, desk.signer.address_check("42"))
    assert (status, body) == (200, b"42")
    assert kind.startswith("text/plain")


def test_a_message_comes_three_times_and_is_stored_once(desk: WeComStand, bot: Bot) -> None:
    said = desk.say("/ping", "bob")
    for made in (said, said, desk.again(said)):
        assert push(bot, made)[:2] == (200, b"")
    (row,) = Message.objects.all()
    assert (row.text, row.sender_id, row.platform_message_id) == ("/ping", "Bob", said.message_id)
    assert row.conversation.chat_type == "private"


def test_an_event_comes_three_times_and_is_stored_once(desk: WeComStand, bot: Bot) -> None:
    for made in (desk.enter("alice", at=5), desk.enter("alice", at=5), desk.enter("bob", at=5)):
        assert push(bot, made)[:2] == (200, b"")
    assert list(Message.objects.order_by("pk").values_list("kind", "platform_message_id")) == [
        ("event", ""),
        ("event", ""),
    ]


def test_what_is_not_genuine_is_refused(desk: WeComStand, bot: Bot) -> None:
    said = desk.say("/ping")
    forged = Push(said.body, {}, said.query | {"msg_signature": "0" * 40})
    assert push(bot, forged)[0] == 403
    old = desk.signer.push(desk.signer.message("Alice", "text", Content="x"), stamp="1409659813")
    assert push(bot, old)[:2] == (403, b'{"error": "stale"}')
    evil = desk.signer.push('<!DOCTYPE xml [<!ENTITY a "b">]><xml>&a;</xml>')
    assert push(bot, evil)[0] == 400
    assert not Message.objects.exists()


def test_no_group_writes_to_an_app(desk: WeComStand) -> None:
    with pytest.raises(ValueError, match="no group"):
        desk.say("/ping", group=True)
