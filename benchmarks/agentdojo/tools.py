"""AgentDojo's tools as skills of ours. What is declared here goes by names alone: nothing is tuned
to a task."""

from __future__ import annotations

import enum
import inspect
import json
import types
import typing
from collections.abc import Callable, Mapping
from typing import Annotated, Any

from agentdojo.functions_runtime import Function
from agentdojo.task_suite.task_suite import TaskSuite

from apps.skills.base import Context, Param, Reply, both, skill

#: A tool that is called so only reads; every other one writes.
READS = ("get_", "search_", "read_", "list_", "check_")
#: What these read nobody else can have written: the clock, and the user's own master data. What
#: any other tool gives may hold the words of others, be it only the name of a file.
OWN = frozenset(
    {"get_current_day", "get_balance", "get_iban", "get_user_info", "get_user_information"}
)
#: By the name of the parameter: who gets something, which address is called, how much is paid.
GUARDS: Mapping[str, str] = {
    **dict.fromkeys(
        ("recipient", "recipients", "cc", "bcc", "participants", "user", "user_email", "email",
         "channel"), "recipient",
    ),
    "url": "url",
    "amount": "amount",
    "password": "command",
}  # fmt: skip
#: The values that a model without tools may read out of a result, for later steps.
VALUES = tuple(f"v{number}" for number in range(1, 13))
SCHEMA = {
    "type": "object",
    "properties": {name: {"type": ["string", "number", "boolean", "null"]} for name in VALUES},
}
FIND = "find"
TASK = "Read these values out of the material and answer with one JSON object: "
_PLAIN = (str, int, float, bool)

#: (name of the tool, its arguments) -> what it answers, as text.
Call = Callable[[str, Mapping[str, Any]], str]


def writes(tool: str) -> bool:
    """Does it change anything?"""
    return not tool.startswith(READS)


def outside(tool: str) -> bool:
    """May what it gives hold the words of others?"""
    return tool not in OWN


def declare(suite: TaskSuite[Any], call: Call) -> list[str]:
    """Register a skill for each tool of a suite; returns their names. Within `borrowed()`."""
    for tool in suite.tools:
        skill(
            name=called(tool.name),
            summary=tool.description.partition("\n")[0][:200],
            writes=writes(tool.name),
            outside=outside(tool.name),
            gives=VALUES,
            retries=0 if writes(tool.name) else 2,
        )(_function(tool, call))
    return [called(tool.name) for tool in suite.tools]


def called(tool: str) -> str:
    """The name of a tool's skill; ours are shorter."""
    return tool[:40]


def _function(tool: Function[..., Any], call: Call) -> Callable[..., Reply]:
    """The function behind a skill, with the tool's parameters as its own."""
    fields = {name: _hint(name, field.annotation) for name, field in _fields(tool).items()}

    def run(ctx: Context, **given: Any) -> Reply:
        find = given.pop(FIND, "")
        args = {name: value for name, value in given.items() if value not in (None, "")}
        text = call(tool.name, {name: _decoded(tool, name, one) for name, one in args.items()})
        if not find:
            return Reply(text)
        written = ctx.model.write(TASK + find, material=[text], schema=SCHEMA)
        data = written.data if written.data is not None else json.loads(written.text)
        return Reply(text, fields={name: data[name] for name in VALUES if name in data})

    run.__name__ = run.__qualname__ = tool.name
    made = [inspect.Parameter("ctx", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=Context)]
    for name, (hint, default) in sorted(fields.items(), key=lambda one: one[1][1] is not _NONE):
        made.append(_parameter(name, hint, default))
    made.append(_parameter(FIND, Annotated[str, Param(label=both("要读出的", FIND))], ""))
    run.__signature__ = inspect.Signature(made)  # type: ignore[attr-defined]
    run.__annotations__ = {one.name: one.annotation for one in made}
    return run


_NONE = inspect.Parameter.empty


def _parameter(name: str, hint: Any, default: Any) -> inspect.Parameter:
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    return inspect.Parameter(name, kind, annotation=hint, default=default)


def _fields(tool: Function[..., Any]) -> dict[str, Any]:
    return dict(tool.parameters.model_fields)


def _bare(hint: Any) -> tuple[Any, bool]:
    """A type without `| None`, and whether that was there."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        (arm,) = [one for one in typing.get_args(hint) if one is not types.NoneType]
        return arm, True
    return hint, False


def _as_json(hint: Any) -> bool:
    """Is it a list or an object, which travels as JSON text?"""
    return not (hint in _PLAIN or (isinstance(hint, type) and issubclass(hint, enum.Enum)))


def _hint(name: str, annotation: Any) -> tuple[Any, Any]:
    """Our hint and default for a tool's parameter. What a tool may go without, we may."""
    hint, optional = _bare(annotation)
    shown = str if _as_json(hint) else hint
    extra = Param(guard=GUARDS.get(name, ""))  # type: ignore[arg-type]
    if optional or name in ("n", "description"):
        return Annotated[shown | None, extra], None
    return Annotated[shown, extra], _NONE


def _decoded(tool: Function[..., Any], name: str, value: Any) -> Any:
    hint, _ = _bare(_fields(tool)[name].annotation)
    return json.loads(value) if _as_json(hint) else value


def stored(value: Any) -> Any:
    """An argument of a tool as the parameter of its skill."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else value
