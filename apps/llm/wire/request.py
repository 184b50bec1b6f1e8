"""The body of one request for an answer."""

from __future__ import annotations

from typing import Any

from apps.core import strictjson
from apps.llm.errors import TooLong
from apps.llm.shapes import Ask, Tool
from apps.llm.wire import switches
from apps.llm.wire.line import Line
from apps.llm.wire.messages import messages, with_system
from apps.llm.wire.tokens import of_request

AS_JSON = "Answer with one JSON object only, without any other text. It must fit this JSON schema:"


def body_of(line: Line, ask: Ask, *, stream: bool) -> dict[str, Any]:
    """What is posted. Raises `BadRequest` or `TooLong` for what the model cannot take at all."""
    quirks = line.quirks
    turns = ask.turns
    if ask.schema is not None and quirks.json != "schema":
        # `json_object` promises JSON but no schema, and many refuse it unless the word is there.
        turns = with_system(turns, f"{AS_JSON}\n{strictjson.dumps(dict(ask.schema))}")
    body: dict[str, Any] = {
        **quirks.extra,
        "model": line.target.model,
        "messages": messages(line, turns),
        **_limits(line, ask),
        **switches.fields(quirks, ask.effort),
        **_tools(line, ask),
        **_format(line, ask),
    }
    if quirks.context and of_request(body) > quirks.context:
        # Some servers cut the beginning off without a word.
        raise TooLong(f"about {of_request(body)} tokens", model=line.target.name)
    if stream:
        body["stream"] = True
        if quirks.stream_usage:
            body["stream_options"] = {"include_usage": True}
    return body


def _limits(line: Line, ask: Ask) -> dict[str, Any]:
    quirks = line.quirks
    thinks = switches.thinking(quirks, ask.effort)
    found: dict[str, Any] = {
        quirks.limit_field: ask.max_tokens + (quirks.thinking_room if thinks else 0)
    }
    takes = quirks.temperature and (quirks.temperature_thinking or not thinks)
    if ask.temperature is not None and takes:
        found["temperature"] = max(ask.temperature, quirks.coolest)
    if ask.stop:
        found["stop"] = list(ask.stop)
    return found


def _format(line: Line, ask: Ask) -> dict[str, Any]:
    if ask.schema is None or line.quirks.json == "none":
        return {}
    if line.quirks.json == "object":
        return {"response_format": {"type": "json_object"}}
    named = {"name": "answer", "schema": dict(ask.schema)}
    return {"response_format": {"type": "json_schema", "json_schema": named}}


def _tools(line: Line, ask: Ask) -> dict[str, Any]:
    """`tool_choice` is left out for "auto", which is what its absence means everywhere, while some
    refuse the word."""
    known = line.quirks.tool_choices
    if not ask.tools or not line.quirks.tools:
        return {}
    if ask.choice == "none":
        return {**_offered(ask.tools), "tool_choice": "none"} if "none" in known else {}
    if ask.choice == "required":
        return {
            **_offered(ask.tools),
            **({"tool_choice": "required"} if "required" in known else {}),
        }
    one = tuple(tool for tool in ask.tools if tool.name == ask.choice)
    if not one:
        return _offered(ask.tools)
    if "named" in known:
        function = {"type": "function", "function": {"name": ask.choice}}
        return {**_offered(ask.tools), "tool_choice": function}
    return {**_offered(one), **({"tool_choice": "required"} if "required" in known else {})}


def _offered(tools: tuple[Tool, ...]) -> dict[str, Any]:
    functions = [
        {"name": one.name, "description": one.description, "parameters": dict(one.schema)}
        for one in tools
    ]
    return {"tools": [{"type": "function", "function": one} for one in functions]}
