"""One message on its way through the pipeline, and what has been decided about it so far."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.conf import settings

from apps.accounts.authz import Rights
from apps.accounts.models import Person
from apps.assistant import heard, reply
from apps.assistant.models import Job, Message
from apps.assistant.understand import Understood
from apps.audit.log import Actor, Entry
from apps.im.cards import Button, Card, Form
from apps.im.models import Delivery


@dataclass(frozen=True, slots=True)
class Press:
    """A genuine click: the card, and its button (None when the card shows it no longer)."""

    delivery: Delivery
    name: str
    button: Button | None
    #: The form that was sent, when the button is a form's.
    form: Form | None = None


@dataclass
class Case:
    """A claimed message. Steps fill it in; `state` is set once it is concluded."""

    message: Message
    now: datetime
    person: Person | None = None
    rights: Rights | None = None
    asking: Job | None = None
    press: Press | None = None
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
        self,
        card: Card,
        *,
        state: str = "done",
        reason: str = "",
        private: bool = False,
        job: Job | None = None,
    ) -> None:
        """Conclude with the one visible answer; `job` is the one whose question it is.

        What answers a click on a card that one person alone sees is for that person alone.
        """
        self.conclude(state, reason)
        private = private or bool(self.press and self.press.delivery.private_to)
        card = heard.with_heard(card, self.message, self.language)
        made = reply.to_message(
            self.message, "answer", card, now=self.now, private=private, job=job,
            language=self.language,
        )  # fmt: skip
        self.deliveries += reply.where_it_is_seen(made, self.message, self.person, self.now)

    def notice(self, card: Card) -> None:
        """Say something that is not the answer."""
        self.deliveries.append(
            reply.to_message(self.message, "notice", card, now=self.now, language=self.language)
        )
