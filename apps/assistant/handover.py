"""One job goes on in another's place: the message that both are about keeps its one answer."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from apps.assistant import approvals, finish, jobs, needs, questions, reply, voice, words
from apps.assistant.jobs import entry
from apps.assistant.models import Job
from apps.assistant.understand import Understood
from apps.audit import log as audit
from apps.audit.log import Actor
from apps.im import delivery
from apps.im.models import Delivery
from apps.skills.base import Skill


def carry_on(job: Job, found: Understood, now: datetime) -> Job | None:
    """End a running job without an answer and make the one that was understood, in one
    transaction: it runs, or asks for a parameter, a confirmation or an approval first.

    None (and nothing written) when the job is no longer ours.
    """
    with transaction.atomic():
        fresh = _make(job, found, now)
        if finish.end_running(
            job, "succeeded", None, actor=Actor.system("worker"), now=now,
            result={"text": "", "becomes": fresh.number},
        ):  # fmt: skip
            return fresh
        transaction.set_rollback(True)
    return None


def _make(job: Job, found: Understood, now: datetime) -> Job:
    skill = found.skill
    assert skill is not None  # noqa: S101 - something was understood
    kind = "" if found.missing else _kind(job, skill, found)
    fresh = jobs.new(
        person=job.person, conversation=job.conversation, message=job.message, skill=skill,
        parameters=found.parameters, now=now, trace_id=job.trace_id, reply_role=job.reply_role,
        state="asking" if found.missing or kind else "waiting", proposed=True,
    )  # fmt: skip
    actor = Actor.person(job.person)
    audit.record_many([entry(fresh, "job.created", actor, fresh.state, after=job.number)])
    if found.missing is not None:
        _ask_back(fresh, found, now)
    elif kind:
        Job.objects.filter(pk=fresh.pk).update(asking_for=kind, expires_at=None)
        asked = approvals.open_for(fresh, kind, job.message, now, found.held)
        delivery.create(asked, take=False)
    else:
        # The card that people watch goes on; a question is a new one, because edits do not notify.
        Delivery.objects.filter(job=job, role="progress").update(job=fresh)
    return fresh


def _kind(job: Job, skill: Skill, found: Understood) -> str:
    kind = needs.kind_of(skill, found.parameters, proposed=True)
    if job.message is not None:
        kind = kind or voice.confirms(job.message, skill, found.parameters)
    return kind or ("confirm" if found.held else "")


def _ask_back(fresh: Job, found: Understood, now: datetime) -> None:
    assert found.skill is not None  # noqa: S101 - the caller looked
    assert found.missing is not None  # noqa: S101 - the caller looked
    changes = {"asking_for": found.missing.name, "expires_at": now + jobs.ASK_LIFE}
    Job.objects.filter(pk=fresh.pk).update(**changes)
    language = words.language_of(fresh.person)
    card = questions.card(fresh, found.skill, found.parameters, found.missing, language)
    delivery.create(reply.for_job(fresh, fresh.reply_role, card, now=now), take=False)
