"""Skills as the tools of a language model: what each does, and what its parameters look like."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from apps.assistant import nearest
from apps.assistant.plan import FIELD, FROM, MOST_STEPS, PLAN
from apps.llm.shapes import Tool
from apps.skills.base import Parameter, Skill

#: More of them confuse a model and cost tokens; the nearest to what was said are kept.
MOST_TOOLS = 40
_TIME = (
    "A moment: local ISO time such as 2026-11-27T15:00, or words such as 明天下午三点, in 2 hours"
)
_EVERY = "A repetition in words, such as 每周一上午9点 or every Monday at 9am"
_COMMAND = "A command to be asked later, such as /status"
_PLAN = (
    "Several tools one after the other, when one is not enough. The steps are s1, s2 … in their "
    f"order, at most {MOST_STEPS}. A parameter may be what an EARLIER step gives: "
    f'{{"{FROM}": "s1", "{FIELD}": "text"}}. Put only the tools named here into it.'
)


def tools_of(skills: Sequence[Skill], said: str) -> tuple[Tool, ...]:
    """The tools for these skills, and `plan` when there are any."""
    kept = list(skills)
    if len(kept) > MOST_TOOLS:
        kept = sorted(kept, key=lambda one: -nearest.score(said.casefold(), one))[:MOST_TOOLS]
    if not kept:
        return ()
    return (*(tool_of(one) for one in kept), _plan(kept))


def tool_of(skill: Skill) -> Tool:
    """One skill; files are filled in by us, so no model is asked for them."""
    shown = [one for one in skill.parameters if one.kind != "file"]
    properties = {one.name: described(one) for one in shown}
    # A reference begins at the root of the whole, where pydantic's are of one parameter.
    shared = {k: v for one in properties.values() for k, v in one.pop("$defs", {}).items()}
    schema = {
        "type": "object",
        "properties": properties,
        "required": [one.name for one in shown if one.required],
        "additionalProperties": False,
        **({"$defs": shared} if shared else {}),
    }
    examples = " | ".join(dict.fromkeys(t for e in skill.examples[:2] for t in (e.zh, e.en)))
    about = f"{skill.summary.en} {skill.zh}：{skill.summary.zh}"
    given = f" Gives: text, {', '.join(skill.gives)}." if skill.gives else ""
    return Tool(skill.name, f"{about} E.g. {examples}.{given}", schema)


def described(parameter: Parameter) -> dict[str, Any]:
    """A parameter's JSON Schema in words that a model understands."""
    label = f"{parameter.label.en} ({parameter.label.zh})"
    if parameter.kind == "time":
        return {"type": "string", "description": f"{label}. {_TIME}"}
    if parameter.kind == "every":
        return {"type": "string", "description": f"{label}. {_EVERY}"}
    if parameter.about:
        label = f"{label}. {parameter.about}"
    if parameter.command:
        label = f"{label}. {_COMMAND}"
    return {**_without_null(parameter.schema), "description": label}


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """`X | None` as X: what is not given is left out, and some servers refuse a choice of types."""
    arms = [arm for arm in schema.get("anyOf", ()) if arm.get("type") != "null"]
    if len(arms) != 1:
        return schema
    rest = {key: value for key, value in schema.items() if key not in ("anyOf", "default")}
    return {**rest, **arms[0]}


def _plan(skills: Sequence[Skill]) -> Tool:
    step = {
        "type": "object",
        "properties": {
            "skill": {"type": "string", "enum": [one.name for one in skills]},
            "parameters": {"type": "object"},
        },
        "required": ["skill", "parameters"],
    }
    steps = {"type": "array", "items": step, "minItems": 1, "maxItems": MOST_STEPS}
    schema = {"type": "object", "properties": {"steps": steps}, "required": ["steps"]}
    return Tool(PLAN, _PLAN, schema)
