"""What is asked a second time, and how."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from apps.core import strictjson
from apps.llm.shapes import Answer, Ask, Tool, ToolCall, Turn, user
from apps.llm.wire import schemas, toolcalls
from apps.llm.wire.messages import with_system

NONE = "none"
_CHOOSE = (
    "Decide which one of these tools serves the last message. Answer with one JSON object only: "
    '{"skill": the name of the tool, "arguments": an object that fits its parameters}.'
)
_NOTHING = 'If none of them does, answer {"skill": "none", "arguments": {}}.'
_REPAIR = "That does not fit ({problem}). Answer again, with the corrected JSON object only."


def as_schema(ask: Ask) -> Ask:
    """The question which tool to call, as one for JSON. "none" may be chosen unless a call is a
    must."""
    tools = _possible(ask)
    names = [tool.name for tool in tools]
    optional = ask.choice == "auto"
    lines = [_CHOOSE, *([_NOTHING] if optional else []), *map(_described, tools)]
    wanted = [dict(tool.schema) for tool in tools]
    if optional:
        wanted.append({"type": "object"})
    schema = {
        "type": "object",
        "properties": {
            "skill": {"type": "string", "enum": [*names, *([NONE] if optional else [])]},
            "arguments": wanted[0] if len(wanted) == 1 else {"anyOf": wanted},
        },
        "required": ["skill", "arguments"],
    }
    turns = with_system(ask.turns, "\n".join(lines))
    return replace(ask, turns=turns, tools=(), choice="auto", schema=schema)


def chosen(ask: Ask, text: str) -> ToolCall | None:
    """The call in the answer to `as_schema`, when it is one of what was offered and fits."""
    known = {tool.name: tool for tool in _possible(ask)}
    for value in schemas.values(text):
        if not isinstance(value, dict):
            continue
        name, given = value.get("skill"), value.get("arguments", {})
        tool = known.get(name) if isinstance(name, str) else None
        if tool and isinstance(given, dict) and not schemas.problem(given, tool.schema):
            return ToolCall(tool.name, given, toolcalls.new_id())
    return None


def fitting(text: str, schema: Mapping[str, Any]) -> tuple[Any, str]:
    """The first JSON value in a text that fits, and "", or what is wrong with the first of all."""
    wrong = "it is no JSON"
    for number, value in enumerate(schemas.values(text)):
        found = schemas.problem(value, schema)
        if not found:
            return value, ""
        wrong = wrong if number else found
    return None, wrong


def repair(ask: Ask, answer: Answer, problem: str) -> Ask:
    """The same question, with what was wrong with the answer to it."""
    return replace(
        ask,
        tools=(),
        turns=(
            *ask.turns,
            Turn("assistant", answer.text, raw=answer.raw),
            user(_REPAIR.format(problem=problem)),
        ),
    )


def with_call(answer: Answer, call: ToolCall) -> Answer:
    """The answer, that call being all it says."""
    return replace(answer, text="", calls=(call,), finish="tool_calls")


def _possible(ask: Ask) -> tuple[Tool, ...]:
    named = tuple(tool for tool in ask.tools if tool.name == ask.choice)
    return named or ask.tools


def _described(tool: Tool) -> str:
    return f"- {tool.name}: {tool.description} Parameters: {strictjson.dumps(dict(tool.schema))}"
