"""What a model proposes: words, or a typed plan of skills. A proposal decides nothing.

A parameter's value is JSON as the skill stores it, or a reference to what an earlier step gave:
`{"$from": "s1", "field": "text"}`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

#: The hidden skills of a job that asks a model, and of one that holds a plan.
ASSIST = "assist"
PLAN = "plan"
#: More than this nobody reads before they confirm it.
MOST_STEPS = 8
FROM = "$from"
FIELD = "field"


@dataclass(frozen=True, slots=True)
class Reference:
    """A value that an earlier step will have given."""

    step: str
    field: str = "text"

    def to_json(self) -> dict[str, str]:
        """As it stands among the parameters of a step."""
        return {FROM: self.step, FIELD: self.field}


@dataclass(frozen=True, slots=True)
class PlanStep:
    """One skill with its parameters; `id` is `s1`, `s2` … in their order.

    `outside` names parameters whose values others wrote, taken from a step that ran before.
    """

    id: str
    skill: str
    parameters: Mapping[str, Any]
    outside: tuple[str, ...] = ()

    @property
    def references(self) -> Iterator[tuple[str, Reference]]:
        """Its parameters that wait for an earlier step, by name."""
        for name, value in self.parameters.items():
            found = reference(value)
            if found is not None:
                yield name, found

    def to_json(self) -> dict[str, Any]:
        """As it is stored."""
        made = {"id": self.id, "skill": self.skill, "parameters": dict(self.parameters)}
        return {**made, "outside": list(self.outside)} if self.outside else made


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps in an order in which they can run."""

    steps: tuple[PlanStep, ...]

    def to_json(self) -> list[dict[str, Any]]:
        """As it is stored and what its digest binds."""
        return [one.to_json() for one in self.steps]

    @classmethod
    def from_json(cls, stored: list[dict[str, Any]]) -> Plan:
        """The plan that `to_json` gave."""
        return cls(tuple(_step(one) for one in stored))


def _step(stored: Mapping[str, Any]) -> PlanStep:
    outside = tuple(stored.get("outside", ()))
    return PlanStep(stored["id"], stored["skill"], stored["parameters"], outside)


@dataclass(frozen=True, slots=True)
class Words:
    """A model's plain answer, or its question back."""

    text: str


#: What a model may propose; None when nothing that it said can be used.
Proposal = Plan | Words | None


def reference(value: Any) -> Reference | None:
    """The reference that a parameter's value is, if it is one."""
    if isinstance(value, dict) and isinstance(value.get(FROM), str) and set(value) <= {FROM, FIELD}:
        return Reference(value[FROM], str(value.get(FIELD, "text")))
    return None


def skills_in(skill: str, parameters: Mapping[str, Any]) -> list[str]:
    """The names of the skills that a job runs: its own, and those of a plan's steps."""
    steps = parameters.get("steps", ()) if skill == PLAN else ()
    return [skill, *(one["skill"] for one in steps)]
