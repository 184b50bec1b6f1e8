"""A small installation: the roles, the built-in bots, a webhook bot, and people bound to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from apps.accounts import identity
from apps.accounts.models import Person, Role
from apps.assistant import drain, inbox, pipeline
from apps.assistant.models import Message
from apps.audit.log import Actor
from apps.im import bots, clicks
from apps.im.models import Bot, Delivery
from apps.im.sender import sender

SYSTEM = Actor.system("test")
SECRET = "whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA=="


@pytest.fixture(autouse=True)
def _quiet_sender(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows are looked at; what a platform does with them is the business of other tests."""
    monkeypatch.setattr(sender, "submit", lambda deliveries: None)


@pytest.fixture
def bot(roles: dict[str, Role]) -> Bot:
    """The built-in bots, and a webhook bot that is returned."""
    bots.ensure_builtin(SYSTEM)
    settings = {"secret": SECRET, "reply_url": "http://127.0.0.1:9/"}
    return bots.add_bot("webhook", "hook", settings, SYSTEM)


@pytest.fixture
def bound(bot: Bot, alice: Person, bob: Person, carol: Person) -> Bot:
    """Alice, Bob and Carol write to the webhook bot as u-alice, u-bob and u-carol."""
    for person in (alice, bob, carol):
        identity.bind(person, bot, f"u-{person.name}", SYSTEM)
    return bot


class Chat:
    """Says something through the inbox and the pipeline, and gives the message back."""

    def __init__(self, bot: Bot) -> None:
        self.bot = bot
        self.count = 0
        self.now = timezone.now()

    def put(self, who: str, text: str, **fields: object) -> int:
        """Store a message without handling it."""
        self.count += 1
        values: dict[str, object] = {
            "bot_id": self.bot.pk,
            "platform": "webhook",
            "event_id": f"e{self.count}",
            "chat_id": f"chat-{who}",
            "sender_id": f"u-{who}",
            "text": text,
            "mentions_bot": True,
            "platform_message_id": f"m{self.count}",
            **fields,
        }
        stored = inbox.store([inbox.Incoming(**values)])[0]  # type: ignore[arg-type]
        assert stored.message_id is not None
        return stored.message_id

    def handle(self, lanes: Sequence[str] = ("control", "interactive")) -> int:
        """Handle what waits, as the drain does; returns how many messages there were."""
        total = 0
        for lane in lanes:
            while claimed := drain.claim(lane):
                pipeline.handle(claimed, self.now)
                total += len(claimed)
        return total

    def say(self, who: str, text: str, **fields: object) -> Message:
        """Store and handle."""
        pk = self.put(who, text, **fields)
        self.handle()
        return Message.objects.get(pk=pk)

    def press(self, who: str, card: Delivery, cmd: str, **fields: object) -> Message:
        """Somebody clicks the button of a card that says `cmd`; `values` make it a form."""
        values = fields.pop("values", None)
        extra: dict[str, object] = {"action": clicks.token(card.pk, card.bot_id, cmd)}
        shared: dict[str, object] = {"kind": "card_action", "mentions_bot": False}
        if values is not None:
            extra, shared["kind"] = {**extra, "values": values}, "form"
        shared |= {"bot_id": card.bot_id, "chat_id": card.chat_id, "chat_type": card.chat_type}
        text = str(fields.pop("text", ""))
        return self.say(who, text, **{**shared, "payload": {"extra": extra}, **fields})

    def later(self, **delta: float) -> datetime:
        """Move the chat's clock."""
        self.now += timedelta(**delta)
        return self.now


@pytest.fixture
def chat(bound: Bot) -> Chat:
    """A chat with the webhook bot."""
    return Chat(bound)


@pytest.fixture
def answer() -> Callable[[Message], str]:
    """The text of the one answer to a message."""

    def text(message: Message) -> str:
        return Delivery.objects.get(message=message, role="answer").text

    return text
