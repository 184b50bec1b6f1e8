"""Every stand-in has people at it: what they write comes to the adapter, what it sends is seen."""

from __future__ import annotations

import time

import pytest

from apps.im.base import InboundRequest, Received, get_platform
from apps.simulate.desk import Desk, Push
from apps.simulate.dingtalk import DingTalkStand
from apps.simulate.feishu import FeishuStand
from apps.simulate.slack import SlackStand
from apps.simulate.webhook import WebhookStand


@pytest.fixture(
    params=[FeishuStand, WebhookStand, DingTalkStand, SlackStand], ids=lambda kind: kind.platform
)
def desk(request: pytest.FixtureRequest) -> Desk:
    """A stand that does not listen: only its people are there."""
    made: Desk = request.param()
    return made


def received(desk: Desk, push: Push) -> Received:
    """What the adapter makes of a push."""
    path = f"/webhooks/{desk.platform}/sim/{push.path}"
    request = InboundRequest(push.method, path, push.query, push.headers, push.body)
    return get_platform(desk.platform).receive(desk.config(), request, time.time())


def test_what_alice_writes_arrives(desk: Desk) -> None:
    push = desk.say("/ping", "alice")
    (message,) = received(desk, push).messages
    assert (message.text, message.sender_id) == ("/ping", desk.people["alice"])
    assert (message.chat_type, message.message_id) == ("private", push.message_id)


def test_in_the_group_the_bot_is_mentioned(desk: Desk) -> None:
    (message,) = received(desk, desk.say("/ping", "bob", group=True)).messages
    assert (message.text, message.mentions_bot, message.chat_type) == ("/ping", True, "group")
    assert (message.sender_id, message.chat_id) == (desk.people["bob"], desk.group)


def test_the_same_message_comes_again(desk: Desk) -> None:
    push = desk.say("/ping")
    first, second = received(desk, push), received(desk, desk.again(push))
    assert first.messages[0].dedupe_key == second.messages[0].dedupe_key
    other = received(desk, desk.say("/ping")).messages[0]
    assert other.dedupe_key != first.messages[0].dedupe_key
