"""Judges what a model proposes before anything of it runs: structure, skills, rights, parameters.

Pure: whatever a model says ends in a plan that may be asked about, or in reasons why not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from apps.assistant.plan import FROM, MOST_STEPS, Plan, PlanStep, Reference, reference
from apps.assistant.understand import Asker
from apps.core import strictjson
from apps.core.i18n import Text, both
from apps.skills import proposed
from apps.skills.base import Parameter, Rights, Skill, lookup, registry
from apps.skills.parameters import Invalid, Missing

MOST_CHARS = 20_000
Raw = Mapping[str, Any]

EMPTY = both("计划里没有步骤", "the plan has no steps")
NO_LIST = both("步骤要是一个列表", "the steps must be a list")
TOO_MANY = both("最多 {most} 步，这里有 {count} 步", "at most {most} steps; these are {count}")
TOO_LONG = both("计划太长", "the plan is too long")
NO_STEP = both("第 {number} 步不是一个步骤", "step {number} is no step")
SAME_ID = both("步骤编号重复：{id}", "two steps are called {id}")
UNKNOWN = both("没有可用的技能 {name}", "there is no tool {name}")
IN_STEP = both("第 {number} 步 {skill}：{why}", "step {number} {skill}: {why}")
NOT_BEFORE = both("引用的 {id} 不是前面的步骤", "{id} is not an earlier step")
NO_FIELD = both("{id} 的结果里没有 {field}", "{id} gives no field {field}; it gives {known}")
NO_PARAMETER = both("没有参数 {name}", "there is no parameter {name}")
NO_REFERENCE = both("{name} 不能引用别的步骤", "{name} cannot come from another step")
MISSING = both("缺少 {name}", "{name} is missing")


@dataclass(frozen=True, slots=True)
class Checked:
    """A plan that may be asked about. `missing`: the one parameter of its only step to ask for."""

    plan: Plan
    missing: Parameter | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """Why it cannot be a plan. `unknown` are the skills that nobody has, or not this asker."""

    problems: tuple[Text, ...]
    unknown: tuple[str, ...] = ()


class _Problem(Exception):
    def __init__(self, why: Text) -> None:
        super().__init__(why.en)
        self.why = why


def plannable(rights: Rights) -> list[Skill]:
    """What a model may propose for somebody with these rights."""
    every = registry().values()
    able = (one for one in every if one.plannable and not one.hidden)
    return [one for one in able if rights.allows(one.permission)]


def check(steps: object, asker: Asker, files: Sequence[Raw] = ()) -> Checked | Refused:
    """Judge proposed steps: `[{"id", "skill", "parameters"}, …]`, any JSON at all.

    `files` are the stored values of the files at hand; they fill parameters that want one.
    """
    problem = _outside(steps)
    if problem is not None:
        return Refused((problem,))
    assert isinstance(steps, list)  # noqa: S101 - looked at just now
    able = {one.name: one for one in plannable(asker.rights)}
    names = [str(one["skill"]) for one in steps]
    skills = [able.get(_name(name)) for name in names]
    unknown = tuple(name for name, skill in zip(names, skills, strict=True) if skill is None)
    if unknown:
        return Refused(tuple(UNKNOWN.format(name=name[:40]) for name in unknown), unknown)
    found = [skill for skill in skills if skill is not None]
    return _Checker(steps, found, asker, files).run()


def _name(said: str) -> str:
    """A skill by whatever it is called: models like `/status` and `状态`, too."""
    skill = lookup(said.strip().lstrip("/／"))
    return skill.name if skill is not None else said


def _outside(steps: object) -> Text | None:
    """What is wrong with the proposal before any skill is looked at."""
    if not isinstance(steps, list):
        return NO_LIST
    if not steps:
        return EMPTY
    if len(steps) > MOST_STEPS:
        return TOO_MANY.format(most=MOST_STEPS, count=len(steps))
    for number, one in enumerate(steps, 1):
        if not isinstance(one, Mapping) or not isinstance(one.get("skill"), str):
            return NO_STEP.format(number=number)
        if not isinstance(one.get("parameters") or {}, Mapping):
            return NO_STEP.format(number=number)
    try:
        long = len(strictjson.dumps(steps)) > MOST_CHARS
    except (strictjson.MalformedJson, TypeError, ValueError, RecursionError):
        return NO_LIST
    return TOO_LONG if long else None


class _Checker:
    """Goes through steps whose skills are known; references may only look back."""

    def __init__(
        self,
        steps: Sequence[Raw],
        skills: Sequence[Skill],
        asker: Asker,
        files: Sequence[Raw],
    ) -> None:
        self._steps, self._skills = steps, skills
        self._asker, self._files = asker, files
        self._before: dict[str, tuple[str, Skill]] = {}  # said id -> (our id, skill)
        self._missing: Parameter | None = None

    def run(self) -> Checked | Refused:
        made, problems = [], []
        for number, (raw, skill) in enumerate(zip(self._steps, self._skills, strict=True), 1):
            said = str(raw.get("id") or f"s{number}")
            try:
                if said in self._before:
                    raise _Problem(SAME_ID.format(id=said[:20]))
                made.append(self._step(f"s{number}", skill, raw.get("parameters") or {}))
            except _Problem as problem:
                why = IN_STEP.format(number=number, skill=skill.name, why=problem.why)
                problems.append(why)
            self._before[said] = (f"s{number}", skill)
        if problems:
            return Refused(tuple(problems))
        return Checked(Plan(tuple(made)), self._missing)

    def _step(self, own: str, skill: Skill, given: Raw) -> PlanStep:
        by_name = {one.name: one for one in skill.parameters}
        plain, taken = {}, {}
        for name, value in given.items():
            found = reference(value)
            if found is None and isinstance(value, Mapping) and FROM in value:
                raise _Problem(NO_REFERENCE.format(name=str(name)[:40]))
            if found is None:
                plain[name] = value
            else:
                taken[name] = self._reference(by_name.get(name), str(name), found)
        values = self._bound(skill, plain, taken)
        return PlanStep(own, skill.name, {**values, **taken})

    def _reference(self, parameter: Parameter | None, name: str, said: Reference) -> Raw:
        if parameter is None:
            raise _Problem(NO_PARAMETER.format(name=name[:40]))
        if parameter.kind in ("file", "json"):
            raise _Problem(NO_REFERENCE.format(name=name))
        earlier = self._before.get(said.step)
        if earlier is None:
            raise _Problem(NOT_BEFORE.format(id=said.step[:20]))
        own, skill = earlier
        if said.field not in skill.fields:
            known = ", ".join(sorted(skill.fields))
            raise _Problem(NO_FIELD.format(id=own, field=said.field[:40], known=known))
        return Reference(own, said.field).to_json()

    def _bound(self, skill: Skill, plain: Raw, taken: Raw) -> dict[str, Any]:
        # What another step will give is there: it is not asked for.
        rest = [one for one in skill.parameters if one.name not in taken]
        result = proposed.bind(rest, {**self._at_hand(rest, plain), **plain}, self._asker.clock)
        if isinstance(result, Invalid):
            raise _Problem(result.why)
        if isinstance(result, Missing):
            if len(self._steps) > 1:
                raise _Problem(MISSING.format(name=result.parameter.name))
            self._missing = result.parameter
        return result.values

    def _at_hand(self, parameters: Sequence[Parameter], plain: Raw) -> dict[str, Any]:
        files = [one for one in parameters if one.kind == "file" and one.asked]
        wanted = [one.name for one in files if not plain.get(one.name)]
        return dict(zip(wanted, (dict(one) for one in self._files), strict=False))
