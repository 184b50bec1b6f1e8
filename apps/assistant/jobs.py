"""Jobs: made, handed to Celery in a fair order, never more than the workers can start.

The broker's queues stay short on purpose: order, fairness and caps live in the rows, where a cancel
reaches a job that waits, and a lost broker loses nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import connection, transaction

from apps.accounts.models import Person
from apps.assistant import choosing
from apps.assistant.models import Conversation, Job, Message
from apps.assistant.plan import PLAN, Plan
from apps.audit.log import Actor, Entry
from apps.core import ids, leases, work
from apps.core.bulk import InsertModels
from apps.core.clock import utcnow
from apps.core.sql import Among, Change, Prepared, Slot, here, light_commit
from apps.llm import actions as models
from apps.llm import usable
from apps.skills import base as skills
from apps.skills.added import GONE
from clawdbot.celery import app, producers

log = structlog.get_logger(__name__)

QUEUED_S = 10  # a published job that nobody started by then is published again
ASK_LIFE = timedelta(minutes=10)
DISPATCH_LOCK = 0x6A6F6273  # "jobs"
WORKER_SILENCE_S = 20
TASK_PREFIX = "skill."
Lanes = tuple[str, ...]


insert = InsertModels(Job)
top_turn = Prepared(
    lambda: (
        Job.objects.filter(work.StateIn("waiting"), person_id=Slot("person"))
        .order_by("-turn")
        .values_list("turn")
    ),
    window=True,
)


def new(
    *,
    person: Person,
    conversation: Conversation,
    message: Message | None,
    skill: skills.Skill,
    parameters: dict[str, Any],
    now: datetime,
    trace_id: str,
    state: str = "waiting",
    not_before: datetime | None = None,
    reply_role: str = "answer",
    retry_of: Job | None = None,
    proposed: bool = False,
    once_key: str | None = None,
) -> Job:
    """Make a job row in the caller's transaction. `proposed`: a model chose the skill."""
    waiting = top_turn.rows(1, 0, person=person.pk)
    job = Job(
        number=ids.short_id(),
        person=person,
        conversation=conversation,
        message=message,
        skill=skill.name,
        parameters=parameters,
        state=state,
        lane=lane_of(skill, parameters),
        turn=waiting[0][0] + 1 if waiting and not not_before else 0,
        not_before=not_before or now,
        max_attempts=skill.retries + 1,
        reply_role=reply_role,
        retry_of=retry_of,
        proposed=proposed,
        once_key=once_key,
        trace_id=trace_id,
        created_at=now,
    )
    insert.run([job])
    return job


def lane_of(skill: skills.Skill, parameters: dict[str, Any]) -> str:
    """Where a job runs. Without any model nobody works in the lane of those who wait for one."""
    lane = _declared(skill, parameters)
    return "normal" if lane == "model" and not usable.permissions() else lane


def _declared(skill: skills.Skill, parameters: dict[str, Any]) -> str:
    """As declared; a plan that only waits for a model keeps no process from others."""
    if skill.name != PLAN:
        return skill.lane
    steps = Plan.from_json(parameters["steps"]).steps
    found = [one for step in steps if (one := skills.get(step.skill)) is not None]
    lanes = {one.lane for one in found if not one.quick}
    return "model" if lanes == {"model"} else skill.lane


def watch_models() -> None:
    """Let `up` know whether there are models; without one what waits for one goes to others, whose
    answer says so."""
    if not models.tell_worker():
        Job.objects.filter(state="waiting", lane="model").update(lane="normal")


def entry(job: Job, action: str, actor: Actor, outcome: str = "", **data: Any) -> Entry:
    """An audit entry about a job."""
    return Entry(
        action=action,
        actor=actor,
        obj=("job", job.number, job.skill),
        outcome=outcome,
        trace_id=job.trace_id,
        data=data,
    )


def dispatch(now: datetime | None = None) -> int:
    """Publish as many waiting jobs as there are free slots, fairly; returns how many.

    It is asked after every batch of messages and every job, mostly for nothing: then it only reads,
    and stands in nobody's way.
    """
    now = now or utcnow()
    workers = _workers()
    if not choosing.Choice(now).room(workers):
        return 0
    if not any(choosing.waits(lane, now) for lane in {one for lanes in workers for one in lanes}):
        return 0
    chosen = _choose(workers, now)
    for number, job in enumerate(chosen):
        try:
            _publish(job)
        except Exception as error:  # noqa: BLE001 - each broker's library has errors of its own
            log.warning("job.broker_away", job=job.number, error=type(error).__name__)
            left = [one.pk for one in chosen[number:]]
            Job.objects.filter(pk__in=left, state="waiting").update(queued_until=None)
            return number
    return len(chosen)


queue = Change(
    lambda: Job.objects.filter(Among("pk", "keys")),
    lambda: {"queued_until": leases.DbAfter(QUEUED_S)},
)


def _choose(workers: dict[Lanes, int], now: datetime) -> list[Job]:
    """Choose and mark as on their way. A mark that a power cut takes is only a job sent twice."""
    with light_commit(here()), transaction.atomic():
        _alone()
        choice = choosing.Choice(now)
        for lanes, slots in workers.items():
            choice.add(lanes, slots)
        if choice.keys:
            queue.run(keys=choice.keys)
        return choice.jobs()


def _alone() -> None:
    """One dispatcher at a time: caps hold exactly. SQLite has one writer anyway."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [DISPATCH_LOCK])


def _workers() -> dict[Lanes, int]:
    """Slots of the living workers, by the lanes they serve."""
    slots: Counter[Lanes] = Counter()
    for beat in leases.alive("worker", WORKER_SILENCE_S):
        slots[tuple(sorted(beat.detail.get("lanes", [])))] += int(beat.detail.get("slots", 0))
    return dict(slots)


def task_name(skill: str) -> str:
    """The Celery task under which a job of this skill is seen in Flower.

    Skills that are rows come and go while the workers run, so that each family of them has one
    task, and so has what is not there any more.
    """
    found = skills.get(skill)
    return f"{TASK_PREFIX}{(found.family or skill) if found else GONE}"


def task_id(job: Job) -> str:
    """A fresh id for the task of this job's next attempt; people see the number in it."""
    return f"{job.number}-{job.attempts + 1}-{ids.short_id()}"


def attempt_of(task: str) -> int:
    """The attempt in a `task_id`; 0 for any other id."""
    parts = task.split("-")
    return int(parts[1]) if len(parts) == 3 and parts[1].isdecimal() else 0


def _publish(job: Job) -> None:
    skill = skills.get(job.skill)
    limit = (skill.timeout if skill else 60) + 20
    with producers().acquire(block=True, timeout=2) as producer:
        app.send_task(
            task_name(job.skill),
            args=[job.pk],
            queue=job.lane,
            producer=producer,
            task_id=task_id(job),
            time_limit=limit,
            retry=False,
        )


questions = Prepared(
    lambda: (
        Job.objects.filter(
            work.StateIn("asking"),
            Among("conversation_id", "conversations"),
            expires_at__gt=Slot("now"),
        )
        .exclude(asking_for__in=("", "confirm", "approve"))
        .order_by("pk")
    )
)


def open_question(conversation_ids: Iterable[int], now: datetime) -> list[Job]:
    """Jobs that wait for a parameter in these conversations, newest last."""
    return questions.instances(conversations=set(conversation_ids), now=now)


asked_by_number = Prepared(
    lambda: Job.objects.filter(
        work.StateIn("asking"), Among("number", "numbers"), expires_at__gt=Slot("now")
    )
)
