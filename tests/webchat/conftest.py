"""The web chat of Bob: his conversation, and ways to put rows into it."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from apps.accounts.models import Person
from apps.assistant import conversations
from apps.assistant.models import Conversation, Message
from apps.audit.log import Actor
from apps.im import bots, cards
from apps.im.models import Delivery
from apps.webchat import throttle


@pytest.fixture(autouse=True)
def _builtin_bots(db: None) -> None:
    bots.ensure_builtin(Actor.system("test"))


@pytest.fixture
def chat(bob: Person) -> Conversation:
    """Bob's own conversation."""
    return conversations.own(bob)


@pytest.fixture
def page(bob: Person) -> Client:
    """A browser in which Bob is signed in."""
    client = Client()
    client.force_login(bob)
    return client


@pytest.fixture
def put(chat: Conversation, bob: Person) -> Callable[..., Message]:
    """Write a message of Bob's into the chat."""

    def make(text: str = "/ping", **fields: Any) -> Message:
        values = {
            "bot": chat.bot,
            "conversation": chat,
            "origin": "web",
            "event_id": f"web:{bob.pk}:{uuid.uuid4()}",
            "sender_id": "bob",
            "person": bob,
            "state": "done",
            "trace_id": uuid.uuid4().hex,
            **fields,
        }
        return Message.objects.create(text=text, **values)

    return make


@pytest.fixture
def say(chat: Conversation) -> Callable[..., Delivery]:
    """Write a delivery into the chat."""

    def make(text: str = "pong", *buttons: cards.Button, **fields: Any) -> Delivery:
        card = cards.answer(text, buttons=buttons)
        values = {
            "bot": chat.bot,
            "conversation": chat,
            "chat_id": chat.chat_id,
            "role": "answer",
            "state": "sent",
            "card": card.to_json(),
            "text": text,
            **fields,
        }
        return Delivery.objects.create(**values)

    return make


@pytest.fixture(autouse=True)
def _fresh_throttle(monkeypatch: pytest.MonkeyPatch) -> None:
    limit = throttle.LocalLimit(throttle.Rate(throttle.WRONG, throttle.PERIOD_S))
    monkeypatch.setattr(throttle, "_local", limit)
