"""The ports that skills act through, each for one person and with that person's rights."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Q

from apps.accounts import people
from apps.accounts.authz import Rights
from apps.accounts.models import Person
from apps.assistant import actions, approvals, jobs, memory, spending, words
from apps.assistant.models import Conversation, Job, Message
from apps.audit import log as audit
from apps.audit.log import Actor
from apps.core.i18n import both
from apps.skills import base as skills
from apps.skills.ports import CheckInfo, JobInfo, Outcome, Usage

CONFIRMED = both("已确认，开始运行 {number}。", "Confirmed; {number} is starting.")
NEXT = both(
    "已确认，{number} 现在等另一位批准。",
    "Confirmed; {number} now waits for somebody else's approval.",
)
WITHDRAWN = both("好的，{number} 不会运行。", "All right; {number} will not run.")
APPROVED = both("已批准，开始运行 {number}。", "Approved; {number} is starting.")
DENIED = both("已拒绝，{number} 不会运行。", "Denied; {number} will not run.")
CANCELLED = both("已取消 {number}。", "Cancelled {number}.")
AGAIN = both("已重新提交：{number}。", "Submitted again as {number}.")
NO_JOB = both(
    "没有编号为 {number} 的任务。用 /tasks 看你的任务。", "There is no job {number}. See /tasks."
)


@dataclass(frozen=True)
class Asker:
    """The person for whom a port acts, and where and when."""

    person: Person
    rights: Rights
    conversation: Conversation
    now: datetime
    trace_id: str
    message: Message | None = None
    #: What is made under it is made once, however often it is tried; "" where nothing is repeated.
    once_key: str = ""


def info(job: Job) -> JobInfo:
    """A job as its owner sees it."""
    text = (job.result or {}).get("text", "") or job.parameters.get("text", "")
    due = job.not_before if job.state == "waiting" and job.not_before > job.created_at else None
    return JobInfo(
        job.number, job.skill, job.state, job.created_at, job.started_at, job.finished_at,
        str(text), due,
    )  # fmt: skip


class Jobs:
    """Own jobs; everybody's for whoever may see the console's."""

    def __init__(self, asker: Asker) -> None:
        self._asker = asker
        self._made = itertools.count()

    def mine(self, limit: int = 10, include_done: bool = True) -> list[JobInfo]:
        """Own jobs, newest first."""
        rows = Job.objects.filter(person=self._asker.person).order_by("-pk")
        if not include_done:
            rows = rows.exclude(state__in=Job.FINAL)
        return [info(job) for job in rows[:limit]]

    def find(self, number: str) -> JobInfo | None:
        """One job that this person may see."""
        job = self._find(number)
        return info(job) if job else None

    def _find(self, number: str) -> Job | None:
        return (
            actions.visible_jobs(self._asker.person, self._asker.rights)
            .filter(number=number.strip().upper())
            .first()
        )

    def cancel(self, number: str) -> Outcome:
        """Stop a job that is not over."""
        job = self._find(number)
        if job is None:
            return Outcome(False, NO_JOB.format(number=number))
        actions.cancel_job(job, self._asker.person, self._asker.now)
        return Outcome(True, CANCELLED.format(number=job.number))

    def retry(self, number: str) -> Outcome:
        """Run a job that is over again, as a new one."""
        job = self._find(number)
        if job is None:
            return Outcome(False, NO_JOB.format(number=number))
        asker = self._asker
        fresh = actions.retry_job(job, asker.person, asker.now, asker.conversation)
        return Outcome(True, AGAIN.format(number=fresh.number))

    def remind(self, text: str, at: datetime) -> JobInfo:
        """Store a reminder: a job of skill `remind` that is due at `at`."""
        asker = self._asker
        skill = skills.get("remind")
        if skill is None:
            raise LookupError("the skill `remind` is not installed")
        key = f"{asker.once_key}/{next(self._made)}" if asker.once_key else None
        before = Job.objects.filter(once_key=key).first() if key else None
        if before is not None:
            return info(before)
        job = jobs.new(
            person=asker.person,
            conversation=actions.later_conversation(asker.conversation, asker.person),
            message=asker.message,
            skill=skill,
            parameters={"text": text},
            now=asker.now,
            not_before=at,
            reply_role="notice",
            trace_id=asker.trace_id,
            once_key=key,
        )
        actor = Actor.person(asker.person)
        audit.record_many([jobs.entry(job, "job.created", actor, due=at.isoformat())])
        return info(job)

    def counts(self) -> dict[str, int]:
        """Own jobs by state."""
        rows = Job.objects.filter(person=self._asker.person).values_list("state")
        return dict(rows.annotate(n=Count("pk")))


class Approvals:
    """Decide open questions."""

    def __init__(self, asker: Asker) -> None:
        self._asker = asker

    def decide(self, code: str, approve: bool) -> Outcome:
        """Approve or deny under all the rules of `approvals.decide`."""
        job = approvals.decide(code, self._asker.person, approve, self._asker.now)
        own = job.person_id == self._asker.person.pk  # nobody approves their own request
        said = (CONFIRMED, WITHDRAWN) if own else (APPROVED, DENIED)
        if own and approve and job.asking_for == "approve":
            return Outcome(True, NEXT.format(number=job.number))
        return Outcome(True, said[not approve].format(number=job.number))


class People:
    """The asker as a person."""

    def __init__(self, asker: Asker) -> None:
        self._person = asker.person

    def set_language(self, code: str) -> None:
        """Keep the person's own choice of language."""
        people.set_language(self._person, code, Actor.person(self._person))

    def role_names(self) -> list[str]:
        """The person's roles in their language."""
        chinese = words.language_of(self._person) != "en"
        rows = self._person.roles.order_by("name")
        return [(role.label_zh if chinese else role.label_en) or role.name for role in rows]

    def identities(self) -> list[str]:
        """The person's IM identities."""
        rows = self._person.bindings.select_related("bot").order_by("pk")
        return [f"{b.bot.platform}:{b.bot.slug}:{b.external_id}" for b in rows]


class Chat:
    """The conversation in which the person asks."""

    def __init__(self, asker: Asker) -> None:
        self._asker = asker

    def start_fresh(self) -> None:
        """Forget what was said before: later steps look no further back, open questions end."""
        asker = self._asker
        Conversation.objects.filter(pk=asker.conversation.pk).update(fresh_since=asker.now)
        memory.forget(asker.person, asker.conversation)
        for job in jobs.open_question([asker.conversation.pk], asker.now):
            if job.person_id == asker.person.pk:
                actions.drop_question(job, asker.now)


class Memory:
    """What was kept of the asker's own talk."""

    def __init__(self, asker: Asker) -> None:
        self._asker = asker

    def on(self) -> bool:
        """Is anything kept in this chat?"""
        return memory.on(self._asker.conversation)

    def shown(self) -> list[tuple[str, str]]:
        """(asked, answered) pairs of this chat, oldest first; a summary asks nothing."""
        return memory.shown(self._asker.person, self._asker.conversation, self._asker.now)

    def forget(self, everywhere: bool = False) -> int:
        """Delete it, here or in every chat; returns how many there were."""
        asker = self._asker
        return memory.forget(asker.person, None if everywhere else asker.conversation)

    def switch(self, on: bool) -> None:
        """Keep (or no longer) what people say to the assistant in this group. Raises Forbidden."""
        asker = self._asker
        memory.switch(asker.conversation, on, asker.person)


class System:
    """The installation."""

    def __init__(self, asker: Asker) -> None:
        self._asker = asker

    def health(self) -> Sequence[CheckInfo]:
        """What is right and wrong now."""
        from apps.core import health

        return health.run(ready_only=True)

    def waiting(self) -> dict[str, int]:
        """How much waits in each lane."""
        return actions.waiting()

    def usage(self) -> Usage:
        """How much the asker asked today and in the last 30 days, by the wall clock."""
        asker = self._asker
        local = asker.now.astimezone(words.zone())
        today = local.replace(hour=0, minute=0, second=0, microsecond=0)
        month = asker.now - timedelta(days=30)
        since_today, since_month = Q(created_at__gte=today), Q(created_at__gte=month)
        counts = {"today": Count("pk", since_today), "month": Count("pk", since_month)}
        said = Message.objects.filter(person=asker.person).aggregate(**counts)
        ran = Job.objects.filter(person=asker.person).aggregate(**counts)
        return Usage(
            messages_today=said["today"],
            messages_month=said["month"],
            jobs_today=ran["today"],
            jobs_month=ran["month"],
            **spending.of(asker.person),
        )

    def clean_up(self) -> dict[str, int]:
        """Remove old temporary files and rows, optimise the database."""
        from apps.assistant import cleanup

        return cleanup.clean_up(self._asker.now)
