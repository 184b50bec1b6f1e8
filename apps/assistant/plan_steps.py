"""The rows of a plan's steps: made once, claimed one by one, ended exactly once, audited."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Case, F, Value, When

from apps.assistant.jobs import entry
from apps.assistant.models import Job, Step
from apps.assistant.plan import Plan
from apps.audit import log as audit
from apps.audit.log import Actor
from apps.core import work
from apps.core.clock import utcnow
from apps.core.sql import Slot

#: Only whoever holds the job's lease runs its steps: one that its former worker left is taken over.
claims = work.Claim(lambda: Step.objects.filter(pk=Slot("pk"), state__in=Step.OPEN).order_by("pk"))
WORKER = Actor.system("worker")


def rows_of(job: Job, plan: Plan) -> list[Step]:
    """The rows of the job's plan, made when they are not there yet."""
    found = list(Step.objects.filter(job=job).order_by("number"))
    if found:
        return found
    made = [
        Step(job=job, number=n, step=one.id, skill=one.skill, parameters=dict(one.parameters))
        for n, one in enumerate(plan.steps, 1)
    ]
    with transaction.atomic():
        Step.objects.bulk_create(made)
        audit.record_many([entry(job, "plan.started", WORKER, steps=len(made))])
    return made


def claim(job: Job, row: Step, now: datetime) -> Step | None:
    """Lease a step, if this run of the job still is the one that counts; renews the job's lease."""
    with transaction.atomic():
        if not work.hold(Job, (job.pk, job.attempts)):
            return None
        for held in claims.run(1, pk=row.pk):
            held.job = job
            Step.objects.filter(pk=held.pk).update(started_at=now)
            held.started_at = now
            _record(held, "started", attempt=held.attempts)
            return held
    return None


def settle(row: Step, state: str, result: dict[str, Any] | None = None, error: str = "") -> bool:
    """End a claimed step; False (and nothing written) when it is no longer ours."""
    now = utcnow()
    with transaction.atomic():
        changes = {"result": result, "last_error": error[:2000], "finished_at": now}
        if not work.finish(row, state, **changes):
            return False
        row.state, row.result, row.last_error, row.finished_at = state, result, error, now
        _record(row, state)
    return True


def close(job: Job) -> None:
    """The job ended from outside: what ran may or may not be done, what waited will not be.

    In the caller's transaction.
    """
    ended = Case(When(state="running", then=Value("unknown")), default=Value("skipped"))
    Step.objects.filter(job=job, state__in=Step.OPEN).update(
        state=ended, finished_at=utcnow(), lease_until=None, attempts=F("attempts") + 1
    )


def shown(job: Job) -> list[dict[str, Any]]:
    """The steps of a job for programs; [] for a job without any."""
    return [_shown(row) for row in job.steps.all()]


def _shown(row: Step) -> dict[str, Any]:
    return {
        "number": row.number,
        "id": row.step,
        "skill": row.skill,
        "parameters": row.parameters,
        "state": row.state,
        "attempts": row.attempts,
        "text": str((row.result or {}).get("text", "")),
        "error": row.last_error,
        "started_at": row.started_at.isoformat(timespec="seconds") if row.started_at else None,
        "finished_at": row.finished_at.isoformat(timespec="seconds") if row.finished_at else None,
    }


def _record(row: Step, what: str, **data: Any) -> None:
    about = {"step": row.number, "skill": row.skill, **data}
    audit.record_many([entry(row.job, f"step.{what}", WORKER, what, **about)])


def done(rows: Sequence[Step]) -> bool:
    """Did all of them succeed?"""
    return all(row.state == "succeeded" for row in rows)
