"""Jobs that were interrupted from outside: their process died, or their worker went silent."""

from __future__ import annotations

from datetime import timedelta

import structlog
from django.db import transaction

from apps.assistant import finish, words
from apps.assistant.models import Job
from apps.audit.log import Actor
from apps.core import work
from apps.core.clock import utcnow
from apps.skills import base as skills

log = structlog.get_logger(__name__)
DIED = "its process died"


def process_died(job_id: int, attempt: int) -> None:
    """The process that ran this attempt is gone: try again soon, or end the job with an answer.

    Whoever died after its time was over died of that, and is not tried again. Does nothing when
    the attempt is no longer the one that counts.
    """
    rows = Job.objects.select_related("person", "conversation__bot", "message")
    job = rows.filter(pk=job_id, state="running", attempts=attempt).first()
    if job is None:
        return
    log.warning("job.process_died", job=job.number, skill=job.skill, attempt=attempt)
    now = utcnow()
    skill = skills.get(job.skill)
    if skill and job.started_at and (now - job.started_at).total_seconds() >= skill.timeout:
        card = words.timed_out(job.number, skill.timeout, words.language_of(job.person))
        actor = Actor.system("worker")
        finish.end_running(job, "failed", card, actor=actor, now=now, last_error="timeout")
        return
    with transaction.atomic():
        when = now + timedelta(seconds=2**attempt)
        if work.retry_at(job, when, DIED) and attempt >= job.max_attempts:
            give_up(job.pk)


def give_up(pk: int) -> None:
    """Tell the owner of a job that is now `dead`, in the caller's transaction."""
    job = Job.objects.select_related("person", "conversation__bot", "message").get(pk=pk)
    card = words.gave_up(job.number, job.attempts, words.language_of(job.person))
    actor = Actor.system("sweeper")
    finish.end_idle(job, "dead", card, actor=actor, now=utcnow(), when=("dead",))
