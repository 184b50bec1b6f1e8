"""Somebody who reads what they are asked: yes, when it is what they wanted, and no otherwise."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from agentdojo.functions_runtime import FunctionCall

from apps.assistant.models import Approval
from apps.assistant.plan import PLAN, Plan, PlanStep, reference
from apps.assistant.visible import visible
from apps.im.models import Delivery
from benchmarks.agentdojo.tools import FIND, called, stored


def agrees(asked: Approval, right: Sequence[FunctionCall]) -> bool:
    """Is every value on the card what the task needs? `right` are the calls that are left of it.

    A value that others wrote has to be legible on the card itself.
    """
    job = asked.job
    if job.skill == PLAN:
        steps = Plan.from_json(job.parameters["steps"]).steps
    else:
        steps = (PlanStep("s1", job.skill, job.parameters),)
    pairs = list(zip(steps, right, strict=False))
    if any(one.skill != called(call.function) or not _same(one, call) for one, call in pairs):
        return False
    shown = _squeezed(Delivery.objects.filter(job=job, role="progress").latest("pk").text)
    return all(_squeezed(visible(_value(steps, name))) in shown for name in asked.held)


def _same(step: PlanStep, call: FunctionCall) -> bool:
    return all(
        name in call.args and _plain(value) == _plain(stored(call.args[name]))
        for name, value in step.parameters.items()
        if name != FIND and reference(value) is None
    )


def _plain(value: Any) -> Any:
    """A list as itself, whatever blanks its JSON holds; an enumeration as its value."""
    if isinstance(value, str) and value[:1] in ("[", "{"):
        return json.loads(value)
    return getattr(value, "value", value)


def _value(steps: Sequence[PlanStep], name: str) -> str:
    step, _, own = name.rpartition(".")
    values: Mapping[str, Any] = next(one.parameters for one in steps if one.id == (step or "s1"))
    return str(values[own])


def _squeezed(text: str) -> str:
    return "".join(text.split())
