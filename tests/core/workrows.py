"""Rows of the three kinds of work, made for the tests of the leases."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from apps.accounts.models import Person
from apps.assistant.models import Conversation, Job, Message
from apps.core.clock import utcnow
from apps.core.leases import DbAfter
from apps.core.work import WorkItem
from apps.im.models import Bot, Delivery


@dataclass(frozen=True)
class Home:
    """What a row of work belongs to."""

    person: Person
    bot: Bot
    conversation: Conversation


def home() -> Home:
    """A person and a conversation, made once."""
    person = Person.objects.get_or_create(name="worker")[0]
    bot = Bot.objects.get_or_create(slug="work", defaults={"platform": "webhook"})[0]
    chat = Conversation.objects.get_or_create(bot=bot, chat_id="work")[0]
    return Home(person, bot, chat)


def _job(at: Home, **fields: Any) -> Job:
    number = uuid.uuid4().hex[:12]
    return Job(number=number, person=at.person, conversation=at.conversation, skill="x", **fields)


def _delivery(at: Home, **fields: Any) -> Delivery:
    return Delivery(bot=at.bot, conversation=at.conversation, role="notice", **fields)


def _message(at: Home, **fields: Any) -> Message:
    event = uuid.uuid4().hex
    return Message(bot=at.bot, conversation=at.conversation, event_id=event, **fields)


MAKERS: dict[type[WorkItem], Callable[..., WorkItem]] = {
    Job: _job,
    Delivery: _delivery,
    Message: _message,
}
#: A state in which the work of each kind is done.
DONE: dict[type[WorkItem], str] = {Job: "succeeded", Delivery: "sent", Message: "done"}


def make(
    model: type[WorkItem],
    count: int = 1,
    *,
    turn: int = 0,
    max_attempts: int = 3,
    not_before: datetime | None = None,
) -> list[int]:
    """Insert rows that may be claimed; returns their keys in order."""
    at = home()
    due = not_before or utcnow()
    rows = [
        MAKERS[model](at, turn=turn, max_attempts=max_attempts, not_before=due)
        for _ in range(count)
    ]
    return [row.pk for row in model._default_manager.bulk_create(rows)]


def run_out(model: type[WorkItem], key: int) -> None:
    """Let the lease of a row run out now, whatever the machine's clock says."""
    model._default_manager.filter(pk=key, lease_until__isnull=False).update(lease_until=DbAfter(-1))
