"""One call of one model over the Chat Completions wire (OpenAI's `POST /chat/completions`)."""

from __future__ import annotations

import json
from typing import Any

from apps.core import strictjson
from apps.core.http import HttpError, Response, door
from apps.llm.errors import Auth, BadRequest, Network, Overloaded, Rate
from apps.llm.shapes import Answer, Ask, ToolCall, Turn, Usage
from apps.llm.target import Target

MAX_ANSWER = 4 * 1024 * 1024


async def exchange(target: Target, ask: Ask) -> Answer:
    """Ask one model once and return its whole answer. Raises `ModelError`."""
    key = target.key.reveal()
    try:
        response = await door.post(
            f"{target.base_url.rstrip('/')}/chat/completions",
            configured=True, json=_body(target, ask), timeout=min(ask.timeout, target.timeout),
            headers={"Authorization": f"Bearer {key}"} if key else {}, max_bytes=MAX_ANSWER,
        )  # fmt: skip
    except HttpError as error:
        raise Network(str(error), model=target.name) from error
    return _answer(target, response)


def _body(target: Target, ask: Ask) -> dict[str, Any]:
    body: dict[str, Any] = {
        "model": target.model,
        "messages": [_message(turn) for turn in ask.turns],
        "max_tokens": ask.max_tokens,
    }
    if ask.temperature is not None:
        body["temperature"] = ask.temperature
    if ask.tools:
        body["tools"] = [
            {"type": "function", "function": {
                "name": one.name, "description": one.description, "parameters": dict(one.schema),
            }} for one in ask.tools
        ]  # fmt: skip
    return body


def _message(turn: Turn) -> dict[str, Any]:
    return {"role": turn.role, "content": turn.text}


def _answer(target: Target, response: Response) -> Answer:
    if response.status in {401, 403}:
        raise Auth(response.text[:300], model=target.name)
    if response.status == 429:
        raise Rate(response.text[:300], model=target.name)
    if response.status >= 500:
        raise Overloaded(response.text[:300], model=target.name)
    if not response.ok:
        raise BadRequest(response.text[:300], model=target.name, why=f"HTTP {response.status}")
    try:
        found = response.json()
        message = found["choices"][0]["message"]
        used = found.get("usage") or {}
        calls = tuple(
            ToolCall(c["function"]["name"], json.loads(c["function"]["arguments"]), c.get("id", ""))
            for c in message.get("tool_calls") or ()
        )
    except (strictjson.MalformedJson, LookupError, TypeError, ValueError) as error:
        raise BadRequest(response.text[:300], model=target.name, why="no answer in it") from error
    usage = Usage(
        int(used.get("prompt_tokens", 0)), int(used.get("completion_tokens", 0)), bool(used)
    )
    return Answer(message.get("content") or "", calls, usage=usage, model=target.name, raw=message)
