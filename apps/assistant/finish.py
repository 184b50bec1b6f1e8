"""The end of a job: state, answer, progress card and audit in one transaction, exactly once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from apps.assistant import plan_steps, progress, reply, talk
from apps.assistant.jobs import entry
from apps.assistant.models import Job
from apps.assistant.plan import PLAN
from apps.audit import log as audit
from apps.audit.log import Actor
from apps.core import metrics, work
from apps.im import delivery
from apps.im.cards import Card


def end_running(
    job: Job,
    state: str,
    card: Card | None,
    *,
    actor: Actor,
    now: datetime,
    private: bool = False,
    files: Sequence[str] = (),
    **changes: Any,
) -> bool:
    """End a job that this process runs; False (and nothing written) when it is no longer ours.

    Without a card nothing is answered: another job goes on in its place. `private`: the answer is
    for its owner alone. `files` are the uids of what goes out with it.
    """
    with transaction.atomic():
        if not work.finish(job, state, finished_at=now, queued_until=None, **changes):
            return False
        _after(job, state, card, actor, now, private=private, files=files)
    _count(job, state, now)
    return True


def end_idle(
    job: Job,
    state: str,
    card: Card | None,
    *,
    actor: Actor,
    now: datetime,
    when: tuple[str, ...] = ("waiting", "asking", "running"),
    by: str = "",
    **changes: Any,
) -> bool:
    """End a job from outside (cancel, deny, expire), whoever runs it; False when it is over.

    `by` is who did it, for the cards.
    """
    with transaction.atomic():
        ended = Job.objects.filter(pk=job.pk, state__in=when).update(
            state=state, finished_at=now, lease_until=None, queued_until=None, **changes
        )
        if not ended:
            return False
        _after(job, state, card, actor, now, by=by)
    _count(job, state, now)
    return True


def _after(
    job: Job,
    state: str,
    card: Card | None,
    actor: Actor,
    now: datetime,
    *,
    by: str = "",
    private: bool = False,
    files: Sequence[str] = (),
) -> None:
    job.state = state
    audit.record_many([entry(job, f"job.{state}", actor, state)])
    if job.skill == PLAN:
        plan_steps.close(job)
    waited = progress.close(job, state, by)
    if card is None or _answered(job):
        return
    made = reply.for_job(job, job.reply_role, card, now=now, private=private)
    made[0].files = list(files)
    talk.keep(job, card, now)
    if waited and job.message is not None:
        # Whoever watched a card change is not told of its end by another change.
        reply.mention(made[0], job.message, job.person)
    delivery.create(made, take=False)


def _answered(job: Job) -> bool:
    """Has the message behind this job its answer already (a question was it)?"""
    if job.reply_role == "notice" or job.message_id is None:
        return False
    return delivery.answered(job.message_id)


def _count(job: Job, state: str, now: datetime) -> None:
    metrics.count("clawdbot_jobs_total", skill=job.skill, outcome=state)
    if job.started_at is not None:
        seconds = (now - job.started_at).total_seconds()
        metrics.observe("clawdbot_job_duration_seconds", seconds, skill=job.skill)
