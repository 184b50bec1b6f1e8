"""From the bytes of a request to a question for the gateway."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable
from typing import Any

from pydantic import ValidationError

from apps.api.openai import body as shape
from apps.api.openai.body import Body
from apps.api.openai.errors import BadBody, TooMuchText
from apps.core import strictjson
from apps.core.i18n import both
from apps.llm.shapes import Ask, Picture, Role, Tool, ToolCall, Turn

#: Seconds for everything together, as long as most clients wait at least.
TIMEOUT_S = 120.0
#: Characters of all messages together. Masks cost milliseconds for each thousand, and wait for no
#: model: more would keep others from theirs.
MOST_TEXT = 200_000
_DATA_URL = re.compile(r"data:(image/(?:png|jpeg|webp|gif));base64,")

_JSON = both("请求体不是合法的 JSON：{reason}。", "The body is no proper JSON: {reason}.")
_FIELD = both("{param}：{what}。", "{param}: {what}.")
_UNKNOWN = both(
    "不认识的参数：{names}。可用的有：{known}。",
    "Unknown parameters: {names}. There are: {known}.",
)
_PICTURE = both(
    "{param}：图片须是 data:image/…;base64, 形式的 PNG、JPEG、WebP 或 GIF；这里不会去下载地址。",
    "{param}: a picture is a data:image/…;base64, URL of a PNG, JPEG, WebP or GIF; nothing is "
    "downloaded here.",
)
_ARGUMENTS = both("{param}：不是一个 JSON 对象。", "{param}: no JSON object.")
_NO_TOOL = both("tool_choice：tools 里没有 {name}。", "tool_choice: {name} is not among the tools.")
_NO_SCHEMA = both(
    "response_format：json_schema 需要给出 json_schema。",
    "response_format: json_schema wants a json_schema.",
)


def read(raw: bytes) -> Body:
    """The body, checked. Raises `BadBody`."""
    try:
        found = strictjson.loads(raw)
    except strictjson.MalformedJson as error:
        raise BadBody(_JSON.format(reason=error.reason)) from None
    try:
        return Body.model_validate(found)
    except ValidationError as error:
        raise _bad(error) from None


def ask_of(body: Body) -> Ask:
    """The question that a body asks. Raises `BadBody` or `TooMuchText`."""
    turns = tuple(_turn(one, f"messages[{n}]") for n, one in enumerate(body.messages))
    if sum(len(one.text) for one in turns) > MOST_TEXT:
        raise TooMuchText(limit=MOST_TEXT)
    return Ask(
        turns=turns,
        tools=tuple(_tool(one.function) for one in body.tools or ()),
        choice=_choice(body),
        schema=_schema(body.response_format),
        max_tokens=body.max_completion_tokens or body.max_tokens or shape.TOKENS,
        temperature=body.temperature,
        stop=(body.stop,) if isinstance(body.stop, str) else tuple(body.stop or ()),
        effort=body.reasoning_effort or "",
        timeout=TIMEOUT_S,
    )


def _turn(said: Any, place: str) -> Turn:
    if isinstance(said, shape.ToolSaid):
        return Turn("tool", _text(said.content), call_id=said.tool_call_id)
    if isinstance(said, shape.AssistantSaid):
        calls = tuple(
            _call(one, f"{place}.tool_calls[{n}]") for n, one in enumerate(said.tool_calls or ())
        )
        return Turn("assistant", _text(said.content), calls)
    role: Role = "user" if said.role == "user" else "system"
    return Turn(role, _text(said.content), pictures=tuple(_pictures(said.content, place)))


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(part.text for part in content or () if isinstance(part, shape.TextPart))


def _pictures(content: Any, place: str) -> Iterable[Picture]:
    if isinstance(content, str):
        return
    for number, part in enumerate(content):
        if isinstance(part, shape.ImagePart):
            yield _picture(part.image_url.url, f"{place}.content[{number}].image_url.url")


def _picture(url: str, param: str) -> Picture:
    head = _DATA_URL.match(url)
    try:
        data = base64.b64decode(url[head.end() :], validate=True) if head else b""
    except binascii.Error:
        data = b""
    if head is None or not data:
        raise BadBody(_PICTURE.format(param=param), param)
    return Picture(data, head[1])


def _call(call: shape.Call, place: str) -> ToolCall:
    param = f"{place}.function.arguments"
    try:
        arguments = strictjson.loads(call.function.arguments or "{}")
    except strictjson.MalformedJson:
        arguments = None
    if not isinstance(arguments, dict):
        raise BadBody(_ARGUMENTS.format(param=param), param)
    return ToolCall(call.function.name, arguments, call.id)


def _tool(given: shape.Function) -> Tool:
    nothing: dict[str, Any] = {"type": "object", "properties": {}}
    return Tool(given.name, given.description or "", given.parameters or nothing)


def _choice(body: Body) -> str:
    choice = body.tool_choice
    if not isinstance(choice, shape.NamedChoice):
        return choice or "auto"
    name = choice.function.name
    if all(tool.function.name != name for tool in body.tools or ()):
        raise BadBody(_NO_TOOL.format(name=name), "tool_choice")
    return name


def _schema(wanted: shape.Format | None) -> dict[str, Any] | None:
    if wanted is None or wanted.type == "text":
        return None
    if wanted.type == "json_object":
        return {"type": "object"}
    if wanted.json_schema is None:
        raise BadBody(_NO_SCHEMA, "response_format")
    return wanted.json_schema.schema_


def _bad(error: ValidationError) -> BadBody:
    problems = error.errors(include_url=False, include_input=False, include_context=False)
    unknown = [_param(one["loc"]) for one in problems if one["type"] == "extra_forbidden"]
    if unknown:
        known = ", ".join(sorted(Body.model_fields))
        return BadBody(_UNKNOWN.format(names=", ".join(unknown), known=known), unknown[0])
    first = problems[0]
    param = _param(first["loc"])
    return BadBody(_FIELD.format(param=param or "body", what=first["msg"]), param)


def _param(place: tuple[int | str, ...]) -> str:
    """`messages[0].content` of a place; what names a branch of a union is left out."""
    text = ""
    for step in place:
        if isinstance(step, int):
            text += f"[{step}]"
        elif re.fullmatch(r"[a-z_]+", step) and step not in {"said", "str"}:
            text += f".{step}" if text else step
    return text
