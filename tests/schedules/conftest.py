"""What the tests of schedules share: a conversation, a clock that can be moved, easy adding."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from apps.accounts.models import Person
from apps.assistant.models import Conversation
from apps.audit.log import Actor
from apps.im.models import Bot
from apps.schedules import actions
from apps.schedules.models import Schedule

#: A Sunday, 12:00 in Shanghai.
NOON = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self, now: datetime = NOON) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def move(self, **spell: float) -> datetime:
        """Let time pass."""
        self.now += timedelta(**spell)
        return self.now


@pytest.fixture
def clock() -> Clock:
    """Noon, until moved."""
    return Clock()


@pytest.fixture
def chat(bob: Person) -> Conversation:
    """Bob's web chat."""
    bot, _ = Bot.objects.get_or_create(slug="web", defaults={"platform": "web"})
    return Conversation.objects.create(bot=bot, chat_id=f"person:{bob.pk}")


@pytest.fixture
def add(bob: Person, chat: Conversation, clock: Clock) -> Callable[..., Schedule]:
    """Add a schedule for Bob."""

    def make(cron: str = "0 * * * *", command: str = "/ping", **more: object) -> Schedule:
        given = {"actor": Actor.person(bob), "now": clock(), **more}
        return actions.add(bob, chat, command, cron, **given)  # type: ignore[arg-type]

    return make
