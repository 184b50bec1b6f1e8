"""What has to be asked before a job runs: its asker (`confirm`), or somebody else (`approve`).

A plan needs what its steps need, all together and once; what writes in it is confirmed. Where it
stops anyway to have a value looked at (`flow`), only the steps before that count: the rest is asked
about then, with the value in sight, and nobody is asked twice for the same. What a model proposed
is confirmed whenever it writes: a write never runs on a guess.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apps.assistant import flow
from apps.assistant.plan import PLAN, Plan
from apps.skills.base import Skill, get


def kind_of(skill: Skill, parameters: Mapping[str, Any], *, proposed: bool = False) -> str:
    """`approve`, `confirm` or an empty string."""
    if skill.name == PLAN:
        kinds = {kind_of(one, {}, proposed=True) for one in _first(parameters)}
        return next((kind for kind in ("approve", "confirm") if kind in kinds), "")
    if skill.approve:
        return "approve"
    return "confirm" if skill.confirm or (proposed and skill.writes) else ""


def guarded(skill: Skill, parameters: Mapping[str, Any]) -> bool:
    """Do these values say who gets something, where, what is run or how much? See `Param.guard`."""
    if skill.name == PLAN:
        steps = Plan.from_json(parameters["steps"]).steps
        known = ((get(one.skill), one.parameters) for one in steps)
        return any(found is not None and guarded(found, given) for found, given in known)
    return any(one.guard and one.name in parameters for one in skill.parameters)


def approving(skill: str, parameters: Mapping[str, Any]) -> tuple[str, ...]:
    """The permissions that whoever approves must hold, all of them."""
    if skill != PLAN:
        return (f"approve.{skill}",)
    asked = {one.approval_permission for one in _first(parameters) if one.approve}
    return tuple(sorted(asked))


def _first(parameters: Mapping[str, Any]) -> list[Skill]:
    """The skills of a plan's steps up to where it stops; one that is gone is told of when its step
    starts."""
    steps = flow.before_held(Plan.from_json(parameters["steps"])).steps
    return [found for one in steps if (found := get(one.skill)) is not None]
