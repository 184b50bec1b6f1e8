"""Calls that a model proposes: in the field that is meant for them, or written into its text.

Small and private models write calls as JSON, in a ```json fence or between `<tool_call>` tags
(Hermes and Qwen templates) instead of `tool_calls`. Those count only when they name a tool that was
offered and their arguments fit its schema: any other JSON is just an answer.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from apps.core import strictjson
from apps.llm.shapes import Tool, ToolCall
from apps.llm.wire import schemas

_TAGS = re.compile(r"<tool_call>\s*(.*?)\s*(?:</tool_call>|\Z)", re.DOTALL)
_BROKEN = object()


@dataclass(frozen=True, slots=True)
class Calls:
    """The calls that can be used, and what was wrong with another one."""

    good: tuple[ToolCall, ...] = ()
    broken: str = ""


def new_id() -> str:
    """An id for a call that came without."""
    return f"call_{secrets.token_hex(8)}"


def native(made: Sequence[Mapping[str, Any]]) -> Calls:
    """The calls of the field `tool_calls`, whatever they name: who asked knows what was offered,
    and one call that is left out would make another proposal of the rest. Missing arguments are
    not a fault: people are asked."""
    good: list[ToolCall] = []
    broken = ""
    for one in made:
        function = one.get("function")
        function = function if isinstance(function, dict) else {}
        name, given = str(function.get("name") or ""), arguments(function.get("arguments"))
        if not name or given is None:
            broken = f"the arguments of {name[:60]!r} are no JSON object"
        else:
            good.append(ToolCall(name, given, str(one.get("id") or "") or new_id()))
    return Calls(tuple(good), broken)


def arguments(given: Any) -> dict[str, Any] | None:
    """The arguments of a call, which should be a JSON object in a string; None when they are none.

    Mended are: nothing at all, an object instead of a string, a string in a string, a fence.
    """
    if given in (None, "", "null"):
        return {}
    for _ in range(2):
        if isinstance(given, dict):
            return given
        if not isinstance(given, str):
            return None
        given = next(schemas.values(given), _BROKEN)
    return given if isinstance(given, dict) else None


def in_text(text: str, tools: Sequence[Tool], choice: str = "auto") -> tuple[Calls, str]:
    """The calls that a text holds, and the text without them."""
    known = {tool.name: tool for tool in tools}
    tagged = _TAGS.findall(text)
    if tagged:
        return _proposals(tagged, known), _TAGS.sub("", text).strip()
    for fence in schemas.FENCE.finditer(text):
        if (calls := _proposals([fence[1]], known)).good:
            return calls, (text[: fence.start()] + text[fence.end() :]).strip()
    whole = _proposals([text], known)
    if not whole.good and choice in known:
        whole = _bare(text, known[choice])
    return (whole, "") if whole.good else (Calls(), text)


def _bare(text: str, tool: Tool) -> Calls:
    """The arguments alone, from a model that was told which tool to call."""
    given = _json(text)
    wants = tool.schema.get("required")
    if wants and isinstance(given, dict) and not schemas.problem(given, tool.schema):
        return Calls((ToolCall(tool.name, given, new_id()),))
    return Calls()


def _proposals(texts: Sequence[str], known: Mapping[str, Tool]) -> Calls:
    good: list[ToolCall] = []
    for text in texts:
        found = _json(text)
        several = found if isinstance(found, list) else [found]
        calls = [_proposal(one, known) for one in several]
        if not all(calls):
            return Calls((), "a call in its text fits none of the tools")
        good.extend(call for call in calls if call is not None)
    return Calls(tuple(good))


def _proposal(value: Any, known: Mapping[str, Tool]) -> ToolCall | None:
    """`{"name", "arguments"}` as Hermes and Qwen write it, `parameters` as Llama does, or the
    object of OpenAI's wire."""
    if not isinstance(value, dict):
        return None
    if isinstance(value.get("function"), dict):
        value = value["function"]
    name = value.get("name")
    tool = known.get(name) if isinstance(name, str) else None
    given = arguments(value.get("arguments", value.get("parameters")))
    if tool is None or given is None or schemas.problem(given, tool.schema):
        return None
    return ToolCall(tool.name, given, new_id())


def _json(text: str) -> Any:
    try:
        return strictjson.loads(text.strip())
    except strictjson.MalformedJson:
        return None
