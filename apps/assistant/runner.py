"""A job runs: claimed by its row, checked again, watched by a heartbeat, ended exactly once."""

from __future__ import annotations

import socket
import threading
import time
from dataclasses import dataclass

import structlog
from django.db import DatabaseError, InterfaceError, connection

from apps.accounts import authz
from apps.assistant import approvals, context, finish, reply, wake, words
from apps.assistant.jobs import dispatch, entry
from apps.assistant.models import Job
from apps.assistant.watch import Stopped, TimedOut, Watch
from apps.audit import log as audit
from apps.audit.log import Actor
from apps.core import work
from apps.core.clock import utcnow
from apps.core.errors import ClawdbotError
from apps.core.logging import bind_trace
from apps.im import cards
from apps.im.cards import Card
from apps.skills import base as skills

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class End:
    """How a run ended: the job's final state and what its owner is told."""

    state: str
    card: Card
    error: str = ""


def run(job_id: int) -> None:
    """Run one job if it is still to be run; a repeated or late call does nothing."""
    # Light: that it started is committed, and written through, before its skill does anything.
    claimed = work.claim(work.claimable(Job, utcnow()).filter(pk=job_id), 1, light=True)
    if claimed:
        job = Job.objects.select_related("person", "conversation__bot", "message").get(pk=job_id)
        with bind_trace(job.trace_id):
            # Another attempt's number is another's right to run: we stood still for a lease.
            if job.attempts == claimed[0].attempts:
                _run(job)
    dispatch()


def _run(job: Job) -> None:
    job.started_at = utcnow()
    where = f"{socket.gethostname()}:{threading.get_native_id()}"
    Job.objects.filter(pk=job.pk, attempts=job.attempts).update(
        started_at=job.started_at, worker=where, queued_until=None
    )
    audit.record_many([entry(job, "job.started", Actor.system("worker"), attempt=job.attempts)])
    end = _barred(job) or _work(job)
    _write_down(job, end)
    wake.wake("interactive")
    log.info("job.ended", job=job.number, skill=job.skill, state=end.state)


def _write_down(job: Job, end: End) -> None:
    """End the job. A skill must not run twice because the database was away at its end.

    Tries for about half a lease; raises the database's error after that.
    """
    actor = Actor.system("worker")
    for pause in (0, 0.5, 1, 2, 4, 8):
        time.sleep(pause)
        try:
            finish.end_running(
                job, end.state, end.card, actor=actor, now=utcnow(),
                result={"text": cards.to_text(end.card)}, last_error=end.error,
            )  # fmt: skip
            return
        except (DatabaseError, InterfaceError) as error:
            log.warning("job.database_away", job=job.number, error=type(error).__name__)
            connection.close()
            failed = error
    raise failed


def _barred(job: Job) -> End | None:
    """The owner's right, and the approval, as they are at this moment."""
    language = words.language_of(job.person)
    if not job.person.is_active:
        return End("denied", words.plain(words.DISABLED, language), "person disabled")
    decision = authz.may(job.person, f"skill.{job.skill}")
    if not decision.allowed:
        audit.record(
            "permission.denied",
            actor=Actor.person(job.person),
            obj=("job", job.number, job.skill),
            outcome="denied",
            data={"permission": decision.permission, "when": "start"},
        )
        text = authz.refusal(decision, language)
        return End("denied", words.refused(text), f"missing {decision.permission}")
    if not approvals.still_hold(job):
        card = words.plain(words.NO_LONGER_APPROVED, language)
        return End("denied", card, "approval no longer holds")
    return None


def _work(job: Job) -> End:
    language = words.language_of(job.person)
    skill = skills.get(job.skill)
    if skill is None:
        return End("failed", words.broke(job.number, language), "no such skill")
    watch = Watch(job, skill.timeout)
    try:
        with watch:
            result = skill.run(context.for_job(job), job.parameters)
        return End("succeeded", reply.as_card(result, language))
    except (Stopped, skills.Stopped):
        return End("cancelled", words.plain(words.STOPPED_ASKING, language), "stopped")
    except TimedOut:
        return End("failed", words.timed_out(job.number, skill.timeout, language), "timeout")
    except ClawdbotError as error:
        card = cards.error(error.text(language), number=job.number, language=language)
        return End("failed", card, f"{error.code}: {error}")
    except Exception as error:
        log.exception("job.failed", job=job.number, skill=job.skill)
        return End("failed", words.broke(job.number, language), f"{type(error).__name__}: {error}")
