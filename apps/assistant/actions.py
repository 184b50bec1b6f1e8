"""What may be done to jobs and messages: each is one function that checks, changes and audits."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import Count, QuerySet

from apps.accounts import authz
from apps.accounts.authz import Rights
from apps.accounts.models import Person
from apps.assistant import approvals, finish, jobs, needs, wake, words
from apps.assistant.models import Approval, Conversation, Job, Message
from apps.audit import log as audit
from apps.audit.log import Actor
from apps.core.clock import utcnow
from apps.core.errors import ClawdbotError
from apps.im import delivery
from apps.im.models import Bot, Delivery
from apps.skills import base as skills


class JobOver(ClawdbotError):
    """A job that is over cannot be cancelled."""

    code = "job_over"
    http_status = 409
    zh = "任务 {number} 已经结束（{state}），不能取消。"
    en = "Job {number} is over ({state}) and cannot be cancelled."


class JobOpen(ClawdbotError):
    """Only a job that is over can be run again."""

    code = "job_open"
    http_status = 409
    zh = "任务 {number} 还没有结束（{state}），不能重试。"
    en = "Job {number} is not over ({state}); it cannot be run again."


class NoSkill(ClawdbotError):
    """The skill of this job is no longer installed."""

    code = "skill_gone"
    http_status = 409
    zh = "技能 {skill} 已经不在了，不能重试。"
    en = "The skill {skill} is no longer installed."


def visible_jobs(person: Person, rights: Rights) -> QuerySet[Job]:
    """Own jobs, or all for whoever holds `console.jobs`."""
    every = Job.objects.select_related("person", "conversation__bot", "message")
    return every if rights.allows("console.jobs") else every.filter(person=person)


def _may_touch(job: Job, person: Person) -> None:
    if job.person_id == person.pk:
        return
    authz.require(person, "console.jobs")


def cancel_job(job: Job, person: Person | None, now: datetime | None = None) -> Job:
    """Cancel a waiting, asking or running job; a running one is stopped at once.

    `person` None is the installation itself. Raises JobOver or Forbidden.
    """
    now = now or utcnow()
    if person is not None:
        _may_touch(job, person)
    actor = Actor.person(person) if person else Actor.cli()
    who = str(person) if person else "admin"
    card = words.plain(words.CANCELLED_BY, words.language_of(job.person), who=who)
    with transaction.atomic():
        Approval.objects.filter(job=job, state="waiting").update(state="withdrawn", decided_at=now)
        if not finish.end_idle(job, "cancelled", card, actor=actor, now=now, by=who):
            job.refresh_from_db()
            raise JobOver(number=job.number, state=words.state(job.state))
    wake_after_commit("interactive")
    return job


def retry_job(
    job: Job,
    person: Person | None,
    now: datetime | None = None,
    conversation: Conversation | None = None,
) -> Job:
    """Run a job that is over again, with its parameters, for its owner; returns the new job.

    What needed a confirmation or an approval is asked again. Raises JobOpen, Forbidden or NoSkill.
    """
    now = now or utcnow()
    if person is not None:
        _may_touch(job, person)
    if job.state not in Job.FINAL:
        raise JobOpen(number=job.number, state=words.state(job.state))
    skill = skills.get(job.skill)
    if skill is None:
        raise NoSkill(skill=job.skill)
    # Asked before for what its words were (heard, passed on, or others' in a guarded parameter)?
    asked = Approval.objects.filter(job=job).first()
    kind = needs.kind_of(skill, job.parameters, proposed=job.proposed)
    kind = kind or ("confirm" if asked is not None else "")
    held = asked.held if asked is not None else []
    actor = Actor.person(person) if person else Actor.cli()
    with transaction.atomic():
        fresh = jobs.new(
            person=job.person,
            conversation=later_conversation(conversation or job.conversation, job.person),
            message=None,
            skill=skill,
            parameters=job.parameters,
            now=now,
            trace_id=job.trace_id,
            state="asking" if kind else "waiting",
            reply_role="notice",
            retry_of=job,
            proposed=job.proposed,
        )
        audit.record_many([jobs.entry(fresh, "job.created", actor, retry_of=job.number)])
        if kind:
            Job.objects.filter(pk=fresh.pk).update(asking_for=kind)
            delivery.create(approvals.open_for(fresh, kind, None, now, held), take=False)
        transaction.on_commit(jobs.dispatch, robust=True)
    wake_after_commit("interactive")
    return fresh


def drop_question(job: Job, now: datetime) -> None:
    """End a job that waited for a parameter; its question was the answer, so nothing is said."""
    actor = Actor.person(job.person)
    finish.end_idle(job, "cancelled", None, actor=actor, now=now, when=("asking",))


def replay_message(message: Message, actor: Actor) -> None:
    """Handle a dead message once more, audited."""
    with transaction.atomic():
        again = Message.objects.filter(pk=message.pk, state="dead").update(
            state="waiting", attempts=0, lease_until=None, not_before=utcnow(), handled_at=None
        )
        if not again:
            raise NotDead
        # That it was given up is no longer the answer: a message has one, and that comes now.
        Delivery.objects.filter(message=message, role="answer").update(role="notice")
        audit.record(
            "message.replayed",
            actor=actor,
            obj=("message", str(message.pk), ""),
            trace_id=message.trace_id,
        )
    wake_after_commit("interactive")


class NotDead(ClawdbotError):
    """Only a message that was given up can be replayed."""

    code = "message_not_dead"
    http_status = 409
    zh = "只有处理失败（dead）的消息可以重放。"
    en = "Only a message that was given up (dead) can be replayed."


def waiting() -> dict[str, int]:
    """How much waits in each lane: messages and jobs that are due and that nobody works on."""
    now = utcnow()
    found: dict[str, int] = {}
    for model in (Message, Job):
        due = model._default_manager.filter(state="waiting", not_before__lte=now)
        rows = due.exclude(lease_until__gt=now)
        for lane, n in rows.values_list("lane").annotate(n=Count("pk")):
            found[lane] = found.get(lane, 0) + n
    return found


def later_conversation(conversation: Conversation, person: Person) -> Conversation:
    """Where something that comes later is said: here, but for `say` in the person's web chat."""
    if conversation.bot.platform != "cli":
        return conversation
    web = Bot.objects.get(slug="web")
    found, _ = Conversation.objects.get_or_create(bot=web, chat_id=f"person:{person.pk}")
    return found


def wake_after_commit(lane: str) -> None:
    """Wake the drain once the caller's transaction is committed; a fault there is only logged."""
    transaction.on_commit(lambda: wake.wake(lane), robust=True)
