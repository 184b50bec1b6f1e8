"""A job runs: claimed by its row, checked again, watched by a heartbeat, ended exactly once."""

from __future__ import annotations

import socket
import threading
import time
from dataclasses import replace

import structlog
from django.db import DatabaseError, InterfaceError, connection, transaction

from apps.accounts import authz, identity
from apps.accounts.authz import Rights
from apps.assistant import (
    approvals,
    attached,
    context,
    finish,
    handover,
    progress,
    reply,
    steps,
    wake,
    words,
)
from apps.assistant.ending import End, attempt
from apps.assistant.jobs import dispatch, entry
from apps.assistant.models import Job, Message
from apps.assistant.own import OWN
from apps.assistant.plan import skills_in
from apps.audit import log as audit
from apps.audit.log import Actor
from apps.core import work
from apps.core.clock import utcnow
from apps.core.logging import bind_trace
from apps.core.sql import Change, Prepared, Slot
from apps.im import cards
from apps.im.marks import EDIT_GAP
from apps.skills import added
from apps.skills import base as skills
from apps.skills.base import Reply

log = structlog.get_logger(__name__)


claims = work.Claim(lambda: work.claimable(Job, Slot("now")).filter(pk=Slot("pk")))
#: Another attempt's number is another's right to run.
begin = Change(
    lambda: Job.objects.filter(work.StateIn("running"), pk=Slot("pk"), attempts=Slot("attempts")),
    lambda: {"started_at": Slot("now"), "worker": Slot("worker"), "queued_until": None},
)
message_of = Prepared(lambda: Message.objects.filter(pk=Slot("pk")))


def run(job_id: int) -> None:
    """Run one job if it is still to be run; a repeated or late call does nothing."""
    job = _start(job_id)
    if job is not None:
        with bind_trace(job.trace_id):
            _run(job)
    dispatch()


def _start(job_id: int) -> Job | None:
    """Claim the job and write down that it starts, in one transaction; None when it is not ours."""
    now = utcnow()
    with transaction.atomic():
        for job in claims.run(1, pk=job_id, now=now):
            where = f"{socket.gethostname()}:{threading.get_native_id()}"
            if begin.run(pk=job.pk, attempts=job.attempts, now=now, worker=where):
                job.started_at = now
                actor = Actor.system("worker")
                audit.record_many([entry(job, "job.started", actor, attempt=job.attempts)])
                return job
    return None


def _run(job: Job) -> None:
    added.refresh_for(skills_in(job.skill, job.parameters))
    _attach(job)
    rights = authz.rights([job.person])[job.person_id]
    end = _barred(job, rights) or _work(job, rights)
    _write_down(job, end)
    wake.wake("interactive")
    if end.shown:
        wake.later("interactive", EDIT_GAP.total_seconds())
    log.info("job.ended", job=job.number, skill=job.skill, state=end.state)


def _attach(job: Job) -> None:
    """Give the job its person, conversation, bot and message, as they are now."""
    job.person = identity.by_key([job.person_id])[job.person_id]
    (job.conversation,) = steps.conversations_of.instances(keys=[job.conversation_id])
    (job.conversation.bot,) = steps.bots_of.instances(keys=[job.conversation.bot_id])
    if job.message_id is not None:
        found = message_of.instances(pk=job.message_id)
        job.message = found[0] if found else None
    if job.message is not None:
        job.message.conversation = job.conversation
        job.message.bot = job.conversation.bot


def _write_down(job: Job, end: End) -> None:
    """End the job. A skill must not run twice because the database was away at its end.

    Tries for about half a lease; raises the database's error after that.
    """
    actor = Actor.system("worker")
    for pause in (0, 0.5, 1, 2, 4, 8):
        time.sleep(pause)
        try:
            if end.becomes is not None:
                handover.carry_on(job, end.becomes, utcnow())
                return
            finish.end_running(
                job, end.state, end.card, actor=actor, now=utcnow(), private=end.private,
                files=end.files, result={"text": cards.to_text(end.card)}, last_error=end.error,
            )  # fmt: skip
            return
        except (DatabaseError, InterfaceError) as error:
            log.warning("job.database_away", job=job.number, error=type(error).__name__)
            connection.close()
            failed = error
    raise failed


def _barred(job: Job, rights: Rights) -> End | None:
    """The owner's right, and the approval, as they are at this moment."""
    language = words.language_of(job.person)
    if not job.person.is_active:
        return End("denied", words.plain(words.DISABLED, language), "person disabled")
    decision = rights.decide(f"skill.{job.skill}")
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


def _work(job: Job, rights: Rights) -> End:
    skill = skills.get(job.skill)
    if skill is None:
        card = words.broke(job.number, words.language_of(job.person))
        return End("failed", card, "no such skill")
    board = progress.Board(job)
    end = _watched(job, skill, rights, board)
    return replace(end, shown=board.shown)


def _watched(job: Job, skill: skills.Skill, rights: Rights, board: progress.Board) -> End:
    own = OWN.get(skill.name)
    if own is not None:
        return own(job, rights, board, float(skill.timeout))

    def act() -> Reply:
        return skill.run(context.for_job(job, rights, board.note), job.parameters)

    def then(said: Reply) -> End:
        made = attached.keep_made(context.asker_of(job, rights), said.files)
        card = reply.as_card(said, words.language_of(job.person))
        return End("succeeded", card, private=said.private, files=tuple(made))

    return attempt(job, skill.timeout, board, act, then)
