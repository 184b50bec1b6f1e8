"""One message on its way through the pipeline, and what has been decided about it so far."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.conf import settings

from apps.accounts.authz import Rights
from apps.accounts.models import Person
from apps.assistant import reply
from apps.assistant.models import Job, Message
from apps.assistant.understand import Understood
from apps.audit.log import Actor, Entry
from apps.im.cards import Card
from apps.im.models import Delivery


@dataclass
class Case:
    """A claimed message. Steps fill it in; `state` is set once it is concluded."""

    message: Message
    now: datetime
    person: Person | None = None
    rights: Rights | None = None
    asking: Job | None = None
    drop_question: bool = False
    understood: Understood | None = None
    state: str = ""
    reason: str = ""
    deliveries: list[Delivery] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    jobs: list[Job] = field(default_factory=list)

    @property
    def open(self) -> bool:
        """Nothing final has been decided yet."""
        return not self.state

    @property
    def language(self) -> str:
        """The person's own language, else the installation's."""
        return (self.person.language if self.person else "") or settings.CLAWDBOT_LANGUAGE

    @property
    def actor(self) -> Actor:
        """Who acts: the person, or the stranger as the platform names him."""
        if self.person is not None:
            return Actor.person(self.person)
        return Actor.stranger(self.message.bot.platform, self.message.sender_id)

    def audit(self, action: str, outcome: str = "", **data: Any) -> None:
        """Keep an audit entry, written with the case's other rows."""
        self.entries.append(
            Entry(
                action=action,
                actor=self.actor,
                obj=("message", str(self.message.pk), ""),
                outcome=outcome,
                trace_id=self.message.trace_id,
                data=data,
            )
        )

    def conclude(self, state: str, reason: str = "") -> None:
        """Decide the message's final state."""
        self.state, self.reason = state, reason

    def answer(
        self, card: Card, *, state: str = "done", reason: str = "", private: bool = False
    ) -> None:
        """Conclude with the one visible answer."""
        self.conclude(state, reason)
        self.deliveries.append(
            reply.to_message(self.message, "answer", card, now=self.now, private=private)
        )

    def notice(self, card: Card) -> None:
        """Say something that is not the answer."""
        self.deliveries.append(reply.to_message(self.message, "notice", card, now=self.now))
