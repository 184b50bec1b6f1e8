"""Builds the Context of a skill: who asks, where, and the ports with that person's rights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from apps.accounts.authz import Rights
from apps.accounts.models import Person
from apps.assistant import attached, ports, received, words, writer
from apps.assistant.models import Conversation, Job, Message, Step
from apps.core.clock import utcnow
from apps.core.i18n import Text
from apps.skills.context import Context
from apps.skills.ports import SchedulesPort

#: The floor above supplies schedules in its ready(); see `use_schedules`.
_schedules: Callable[[ports.Asker], SchedulesPort] | None = None


def use_schedules(factory: Callable[[ports.Asker], SchedulesPort]) -> None:
    """Set who supplies the schedules port."""
    global _schedules
    _schedules = factory


def schedules_of(asker: ports.Asker) -> SchedulesPort:
    """What this person may do with schedules. Raises LookupError without apps.schedules."""
    if _schedules is None:
        raise LookupError("no schedules port: apps.schedules is not installed")
    return _schedules(asker)


def build(
    asker: ports.Asker,
    *,
    origin: str,
    job: Job | None = None,
    note: Callable[[str], None] | None = None,
) -> Context:
    """The context for one call."""
    conversation = asker.conversation
    return Context(
        person=asker.person,
        rights=asker.rights,
        language=words.language_of(asker.person),
        now=asker.now,
        tz=words.zone(),
        jobs=ports.Jobs(asker),
        schedules=schedules_of(asker),
        approvals=ports.Approvals(asker),
        people=ports.People(asker),
        conversation=ports.Chat(asker),
        system=ports.System(asker),
        memory=ports.Memory(asker),
        conversation_id=conversation.pk,
        chat_type=conversation.chat_type,
        bot_id=conversation.bot_id,
        origin=origin,
        trace_id=asker.trace_id,
        job_number=job.number if job else None,
        once_key=asker.once_key,
        on_progress=_noting(note, asker.person) if note else _nobody,
        stop_asked=_stop_asked(job) if job else _never,
        files=attached.Files(asker),
        quoted=received.quoted(asker.message) if asker.message else "",
        model=writer.Models(asker, job.skill if job else "", job.number if job else ""),
    )


def for_message(message: Message, person: Person, rights: Rights, now: datetime) -> Context:
    """The context of a quick skill that answers a message in place."""
    asker = ports.Asker(person, rights, message.conversation, now, message.trace_id, message)
    return build(asker, origin=message.origin)


def for_job(job: Job, rights: Rights, note: Callable[[str], None]) -> Context:
    """The context of a job that starts now, with its person's rights of this moment.

    `note` takes the steps that the skill reports.
    """
    return build(asker_of(job, rights), origin=_origin(job), job=job, note=note)


def for_step(step: Step, rights: Rights, note: Callable[[str], None]) -> Context:
    """The same for one step of a plan, whose piece of work is its own."""
    job = step.job
    asker = replace(asker_of(job, rights), once_key=step.once_key)
    return build(asker, origin=_origin(job), job=job, note=note)


def _origin(job: Job) -> str:
    return job.message.origin if job.message else "im"


def asker_of(job: Job, rights: Rights) -> ports.Asker:
    """For whom a job runs, and where."""
    conversation: Conversation = job.conversation
    return ports.Asker(
        job.person, rights, conversation, utcnow(), job.trace_id, job.message, job.number
    )


def _nobody(text: str | Text) -> None:
    """A quick skill has no progress to show."""


def _never() -> bool:
    return False


def _noting(note: Callable[[str], None], person: Person) -> Callable[[str | Text], None]:
    language = words.language_of(person)

    def show(text: str | Text) -> None:
        note(text.in_(language) if isinstance(text, Text) else text)

    return show


def _stop_asked(job: Job) -> Callable[[], bool]:
    def asked() -> bool:
        return not Job.objects.filter(pk=job.pk, state="running", attempts=job.attempts).exists()

    return asked
