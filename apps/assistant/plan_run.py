"""Runs a plan's steps in their order, inside the job of the plan.

Whoever takes the job over after a crash goes on behind the last step that ended. A step that was
under way is tried again under the same `ctx.once_key`; one that writes and must not be tried twice
(`retries=0`) is left as `unknown` instead. What needs a step that did not succeed is skipped, and
after a failure nothing is changed any more.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from typing import Any

from django.db import transaction

from apps.accounts import authz
from apps.accounts.authz import Rights
from apps.assistant import (
    approvals,
    attached,
    context,
    flow,
    fully,
    plan_steps,
    plan_words,
    reply,
    words,
)
from apps.assistant.ending import End, attempt
from apps.assistant.models import Job, Step
from apps.assistant.plan import Plan, PlanStep, Reference, reference
from apps.assistant.progress import Board
from apps.assistant.understand import find_time
from apps.audit import log as audit
from apps.audit.log import Actor
from apps.core.clock import utcnow
from apps.core.errors import ClawdbotError
from apps.core.i18n import both
from apps.im import cards
from apps.im.files import MAX_FILES
from apps.skills import proposed
from apps.skills.base import Reply, Skill, get
from apps.skills.times import Clock
from apps.skills.values import Unfit

#: What is left of the plan's own time for writing down its end.
RESERVE_S = 15.0
GONE = both("技能 {skill} 已经不在了", "the skill {skill} is no longer installed")
NO_TIME = both("整个计划的时间用完了", "the time for the whole plan is over")
UNFIT = both("{name}：{why}", "{name}: {why}")
TOO_OFTEN = both("多次中断", "it was interrupted too often")


class StepFailed(ClawdbotError):
    """A step cannot be run: {why}."""

    code = "step_failed"
    zh = "这一步不能运行：{why}。"
    http_status = 422
    permanent = True


def run(job: Job, rights: Rights, board: Board, timeout_s: float) -> End:
    """Run what is left of the job's plan."""
    return _Run(job, board, timeout_s).run()


class _Lost(Exception):
    """The job was cancelled, or another worker has it."""


class _Run:
    def __init__(self, job: Job, board: Board, timeout_s: float) -> None:
        self._job, self._board = job, board
        self._plan = Plan.from_json(job.parameters["steps"])
        self._rows = plan_steps.rows_of(job, self._plan)
        self._held = flow.held(self._plan)
        self._ends = time.monotonic() + timeout_s - RESERVE_S
        self._language = words.language_of(job.person)

    def run(self) -> End:
        try:
            for place, step in enumerate(self._plan.steps):
                if self._rows[place].state not in Step.OPEN:
                    continue
                if step.id in self._held and not self._idle(step, get(step.skill)):
                    return self._confirmed_first(place)
                self._take(place, step)
        except _Lost:
            return End("cancelled", words.plain(words.STOPPED_ASKING, self._language), "stopped")
        return self._end()

    def _confirmed_first(self, place: int) -> End:
        """What others wrote would decide something: the rest of the plan, with what is known by
        now in it, becomes a job of its own that the asker confirms."""
        done = {row.step for row in self._rows[:place]}
        values: dict[str, dict[str, Any]] = {}
        try:
            for step in self._plan.steps[place:]:
                ready = {name for name, one in step.references if one.step in done}
                if (skill := get(step.skill)) is None:
                    raise StepFailed(why=GONE.format(skill=step.skill))
                found = self._parameters(step, skill, ready)
                values[step.id] = {name: found[name] for name in ready}
        except StepFailed as error:
            card = cards.error(error.text(self._language), language=self._language)
            return End("failed", card, f"{error.code}: {error}")
        left = fully.of_plan(flow.rest(self._plan, place, values))
        return End("succeeded", plan_words.final(self._rows, self._language), becomes=left)

    def _take(self, place: int, step: PlanStep) -> None:
        former = self._rows[place].state
        row = plan_steps.claim(self._job, self._rows[place], utcnow())
        if row is None:
            raise _Lost
        self._rows[place] = row
        self._show()
        skill = get(step.skill)
        if self._idle(step, skill):
            self._settle(row, "skipped")
        elif former == "running" and skill and skill.writes and skill.retries == 0:
            self._settle(row, "unknown")
        else:
            self._try(row, step, skill)
        self._show()

    def _idle(self, step: PlanStep, skill: Skill | None) -> bool:
        """Is there no use in it any more?"""
        states = {row.step: row.state for row in self._rows}
        before = self._rows[: [one.id for one in self._plan.steps].index(step.id)]
        if step.id in self._held and not plan_steps.done(before):
            return True  # nobody is asked to confirm the rest of what went wrong
        if any(states[one.step] != "succeeded" for _, one in step.references):
            return True
        failed = any(state in ("failed", "unknown") for state in states.values())
        return failed and (skill is None or skill.writes)

    def _try(self, row: Step, step: PlanStep, skill: Skill | None) -> None:
        timeout = min(float(skill.timeout if skill else 1), self._ends - time.monotonic())

        kept = False

        def act() -> End:
            nonlocal kept
            ready = self._ready(row, step, skill, timeout)
            with transaction.atomic() if ready.quick else contextlib.nullcontext():
                here = context.for_step(row, self._rights, self._note)
                end = self._ended(ready.run(here, self._parameters(step, ready)))
                if ready.quick:  # what it did and that it did it are one commit
                    self._keep(row, end)
            kept = ready.quick
            return end

        end = attempt(self._job, max(timeout, 1.0), self._board, act, lambda end: end)
        if end.state == "cancelled":
            raise _Lost
        if not kept:
            self._keep(row, end)

    def _ready(self, row: Step, step: PlanStep, skill: Skill | None, left: float) -> Skill:
        """What may run now, with the rights of this moment. Raises ClawdbotError."""
        if skill is None:
            raise StepFailed(why=GONE.format(skill=step.skill))
        if left <= 0:
            raise StepFailed(why=NO_TIME)
        if row.attempts > skill.retries + 1:
            raise StepFailed(why=TOO_OFTEN)
        self._rights = authz.rights([self._job.person])[self._job.person_id]
        decision = self._rights.decide(skill.permission)
        if not decision.allowed:
            audit.record(
                "permission.denied", actor=Actor.person(self._job.person),
                obj=("job", self._job.number, skill.name), outcome="denied",
                data={"permission": decision.permission, "when": "step"},
            )  # fmt: skip
            authz.require(self._job.person, skill.permission)
        if not approvals.still_hold(self._job):
            raise StepFailed(why=words.NO_LONGER_APPROVED)
        return skill

    def _parameters(
        self, step: PlanStep, skill: Skill, ready: set[str] | None = None
    ) -> dict[str, Any]:
        """The step's parameters, with what earlier steps gave in place of references; only of
        those in `ready`, when it is given."""
        clock = Clock(utcnow(), words.zone(), find_time)
        found: dict[str, Any] = {}
        for name, value in step.parameters.items():
            other = reference(value)
            if other is None or (ready is not None and name not in ready):
                found[name] = value
                continue
            try:
                found[name] = proposed.carried(skill.parameter(name), self._given(other), clock)
            except (Unfit, KeyError) as error:
                why = error.why if isinstance(error, Unfit) else both("没有了", "is gone")
                raise StepFailed(why=UNFIT.format(name=name, why=why)) from error
        return found

    def _given(self, other: Reference) -> Any:
        row = next(one for one in self._rows if one.step == other.step)
        result: Mapping[str, Any] = row.result or {}
        return result["text"] if other.field == "text" else result["fields"][other.field]

    def _ended(self, said: Reply) -> End:
        asker = context.asker_of(self._job, self._rights)
        made = attached.keep_made(asker, said.files)
        card = reply.as_card(said, self._language)
        return End(
            "succeeded", card, private=said.private, files=tuple(made),
            text=plan_words.said(said, self._language), fields=said.fields,
        )  # fmt: skip

    def _keep(self, row: Step, end: End) -> None:
        result = {
            "text": end.text or cards.to_text(end.card, self._language),
            "fields": dict(end.fields),
            "card": end.card.to_json(),
            "files": list(end.files),
            "private": end.private,
        }
        self._settle(row, end.state, result, end.error)

    def _settle(
        self, row: Step, state: str, result: dict[str, Any] | None = None, error: str = ""
    ) -> None:
        if not plan_steps.settle(row, state, result, error):
            raise _Lost

    def _note(self, text: str) -> None:
        self._board.show(plan_words.board(self._rows, self._language, text))

    def _show(self) -> None:
        self._board.show(plan_words.board(self._rows, self._language))

    def _end(self) -> End:
        rows = self._rows
        results: list[Mapping[str, Any]] = [row.result or {} for row in rows]
        files = [uid for one in results for uid in one.get("files", ())]
        done = plan_steps.done(rows)
        why = next((row.last_error for row in rows if row.state == "failed"), "")
        return End(
            "succeeded" if done else "failed",
            plan_words.final(rows, self._language),
            "" if done else why or "not every step was done",
            private=any(one.get("private") for one in results),
            files=tuple(files[:MAX_FILES]),
        )
