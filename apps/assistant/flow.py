"""Follows through a plan what others wrote: it may fill words, and decides nothing by itself.

A step's result is untrusted when its skill reads what others wrote (`outside`, a file), or when a
parameter of its own came from such a step. Such a value is held where it would fill any parameter
of a skill that writes, or a guarded one (a recipient, an address, a command, an amount) of a skill
that reads: the step does not run before the asker has confirmed it with the value in sight. Words
count, too: "send Alice the summary" must not send her whatever link the page wanted sent.

A plan stops at the first such step and goes on as a plan of the rest, in which everything that is
known by then stands as a value: that is what the asker sees and confirms.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from apps.assistant.plan import Plan, PlanStep, Reference
from apps.skills.base import Skill, get


def tainted(plan: Plan) -> frozenset[str]:
    """The ids of the steps whose results hold what others wrote."""
    found: set[str] = set()
    for step in plan.steps:
        skill = get(step.skill)
        theirs = step.outside or _takes_from(step, found)
        if skill is None or theirs or reads_others(skill, step.parameters):
            found.add(step.id)
    return frozenset(found)


def reads_others(skill: Skill, parameters: Mapping[str, Any]) -> bool:
    """Does what this run answers hold what others wrote?"""
    files = (one.name for one in skill.parameters if one.kind == "file")
    return skill.outside or any(parameters.get(name) for name in files)


def _takes_from(step: PlanStep, found: set[str]) -> bool:
    return any(one.step in found for _, one in step.references)


def held(plan: Plan) -> dict[str, tuple[str, ...]]:
    """Step id -> its parameters that decide something and that something untrusted would fill."""
    dirty, found = tainted(plan), {}
    for step in plan.steps:
        names = tuple(
            name
            for name, one in step.references
            if one.step in dirty and _decides(step.skill, name)
        )
        if names:
            found[step.id] = names
    return found


def before_held(plan: Plan) -> Plan:
    """The steps that run before the plan stops to have something looked at; all when it does not.

    What comes after them is a plan of its own by then, which is asked about with its values.
    """
    stops = held(plan)
    first = next((n for n, one in enumerate(plan.steps) if one.id in stops), len(plan.steps))
    return Plan(plan.steps[:first])


def _decides(skill: str, name: str) -> bool:
    """Does this value change what is done? What nobody knows is taken for the worst."""
    known = get(skill)
    if known is None or known.writes:
        return True
    guards = {one.name: one.guard for one in known.parameters}
    return bool(guards.get(name, "unknown"))


def rest(plan: Plan, place: int, values: Mapping[str, Mapping[str, Any]]) -> Plan:
    """The plan from a step on, numbered anew. `values` are the parameters of each step, by its id,
    that the steps before have given by now."""
    dirty = tainted(plan)
    known = [_known(one, values.get(one.id, {}), dirty) for one in plan.steps[place:]]
    names = {one.id: f"s{number}" for number, one in enumerate(known, 1)}
    return Plan(tuple(_renamed(one, names) for one in known))


def _known(step: PlanStep, values: Mapping[str, Any], dirty: frozenset[str]) -> PlanStep:
    theirs = {name for name, one in step.references if name in values and one.step in dirty}
    return replace(
        step,
        parameters={**step.parameters, **values},
        outside=tuple(sorted(theirs | set(step.outside))),
    )


def _renamed(step: PlanStep, names: Mapping[str, str]) -> PlanStep:
    moved = {name: Reference(names[one.step], one.field).to_json() for name, one in step.references}
    return replace(step, id=names[step.id], parameters={**step.parameters, **moved})


def shown(plan: Plan) -> tuple[str, ...]:
    """`id.parameter` of the values that others wrote and that a person has to look at."""
    return tuple(
        f"{step.id}.{name}"
        for step in plan.steps
        for name in step.outside
        if _decides(step.skill, name)
    )
