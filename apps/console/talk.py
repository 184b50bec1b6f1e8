"""One question from the command line: stored, handled and answered like any other message."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.db import connection

from apps.accounts import shipped
from apps.accounts.models import Person
from apps.assistant import inbox
from apps.assistant.models import Job, Message
from apps.assistant.words import language_of
from apps.console.cli import Refused
from apps.console.supervisor.lock import HomeLock, holder
from apps.console.supervisor.plan import plan_for
from apps.console.supervisor.supervisor import Supervisor
from apps.core import leases
from apps.core.i18n import both
from apps.im import cards
from apps.im.files import link, path_of
from apps.im.models import Delivery
from apps.im.outgoing_files import rows_of
from apps.llm import actions as models

LOOK_S = 0.03
WORKER_S = 10.0


class NoAnswer(Exception):
    """The time ran out first; the message stays stored and is answered in the web chat's way."""

    def __init__(self, message: Message) -> None:
        self.message = message
        super().__init__(f"message {message.pk}")


@dataclass(frozen=True)
class Said:
    """What came of a question."""

    message_id: int
    job_id: str | None
    state: str
    text: str
    card: dict[str, Any]
    #: Of each file: its name, and where it is here and in the web chat.
    files: list[dict[str, str]] = field(default_factory=list)


def person_named(name: str) -> Person:
    """This person, or the first administrator for an empty name. Raises Refused."""
    found = Person.objects.filter(name=name).first() if name else shipped.first_administrator()
    if found is not None:
        return found
    if not name:
        raise Refused(
            both(
                "还没有人员，请先运行 manage.py up。", "nobody is here yet: run manage.py up once."
            )
        )
    names = ", ".join(Person.objects.order_by("pk").values_list("name", flat=True)[:20])
    raise Refused(both(f"没有人员 {name}。现有：{names}", f"no person {name}. There are: {names}"))


@contextmanager
def workers() -> Iterator[None]:
    """Somebody who works: a running installation, or our own workers under the home's lock."""
    if _somebody_works():
        yield
        return
    lock = HomeLock(settings.CLAWDBOT_HOME)
    lock.acquire("say")
    try:
        models.tell_worker()
        connection.close()
        with Supervisor(plan_for({"worker"}), tell=_quiet):
            yield
    finally:
        lock.release()


def _somebody_works() -> bool:
    """Is this home's `up` running, or (with a Redis that others share) a worker elsewhere?"""
    if holder(settings.CLAWDBOT_HOME) is not None:
        return True
    return not settings.CLAWDBOT_EMBEDDED_REDIS and bool(leases.alive("worker", WORKER_S))


def _quiet(*words: object, **more: object) -> None:
    """Nobody wants to read how workers start when they asked a question."""


def ask(person: Person, text: str, timeout_s: float) -> Said:
    """Ask as this person and wait for the final answer, or for a question. Raises NoAnswer.

    What comes after a question was decided goes to the person's web chat.
    """
    message = inbox.ask(person, text, bot_slug="cli", chat_id=f"cli:{person.pk}", origin="cli")
    ends = time.monotonic() + timeout_s
    while time.monotonic() < ends:
        answer = Delivery.objects.filter(
            message=message, role="answer", state__in=("sent", "failed", "expired")
        ).first()
        if answer is not None:
            return _said(message, answer)
        question = _question(message)
        if question is not None:
            return _said(message, question)
        if _silent(message):
            return Said(message.pk, None, message.state, "", {})
        time.sleep(LOOK_S)
    raise NoAnswer(message)


def _question(message: Message) -> Delivery | None:
    """The card that asks for a confirmation or an approval: whoever waits here has to see it."""
    return Delivery.objects.filter(
        message=message, role="progress", state="sent", job__state="asking"
    ).first()


def _silent(message: Message) -> bool:
    """States that end without an answer."""
    message.refresh_from_db(fields=["state"])
    return message.state in {"ignored", "limited"}


def _said(message: Message, answer: Delivery) -> Said:
    message.refresh_from_db(fields=["state"])
    job = Job.objects.filter(message=message).order_by("-pk").first()
    state = job.state if job else message.state
    words = cards.to_text(cards.Card.from_json(answer.card), language_of(message.person))
    files = [
        {"name": row.name, "path": str(path_of(row)), "url": link(row)}
        for row in rows_of(answer.files)
    ]
    return Said(message.pk, job.number if job else None, state, words, answer.card, files)
