"""What differs between those who speak Chat Completions: abilities, and the price of them."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal

from pydantic import ConfigDict, TypeAdapter, ValidationError

from apps.core.errors import ClawdbotError

#: How a model is told to think or not: DeepSeek's `thinking.type`, Qwen's `enable_thinking`,
#: OpenAI's `reasoning_effort`, the chat template of a private server; "" for no switch at all.
Switch = Literal["", "type", "enable", "effort", "template"]


class BadQuirks(ClawdbotError):
    """The quirks of the model cannot be read: {why}. Known are: {known}."""

    code = "bad_quirks"
    zh = "模型的差异设置无法识别：{why}。可用的有：{known}。"
    http_status = 422
    permanent = True


@dataclass(frozen=True, slots=True)
class Quirks:
    """The abilities and oddities of one model, by the names that a row's `quirks` may override."""

    #: Takes `tools`; without, tools are offered as a JSON schema.
    tools: bool = True
    #: Its tool calls cannot be relied on: when none came, it is asked once more as a JSON schema.
    weak_tools: bool = False
    #: The values of `tool_choice` that it honours; "named" is one function by its name.
    tool_choices: tuple[Literal["none", "required", "named"], ...] = ("none", "required", "named")
    #: What of `response_format` it knows.
    json: Literal["schema", "object", "none"] = "schema"
    #: It takes `stream_options.include_usage`.
    stream_usage: bool = True
    switch: Switch = ""
    #: It thinks unless it is told not to.
    thinks: bool = False
    #: It cannot be told not to think.
    always_thinks: bool = False
    #: The words of `reasoning_effort` for low, medium and high; none when it knows no such field.
    efforts: tuple[str, ...] = ()
    #: It thinks in streams only.
    streams_to_think: bool = False
    #: Its template has written `<think>` already, so that only `</think>` is seen.
    opened_think: bool = False
    #: Tokens added to `max_tokens` while it thinks, where thinking counts.
    thinking_room: int = 0
    #: It takes a temperature, and while it thinks, too.
    temperature: bool = True
    temperature_thinking: bool = True
    #: The lowest temperature that it takes.
    coolest: float = 0.0
    #: What of an assistant's message has to be sent back: only text and calls; all as it came; all,
    #: with `reasoning_content` even when there is none.
    replay: Literal["plain", "raw", "reasoning"] = "plain"
    #: A message with calls may have `content: null`; else it must be a text.
    null_content: bool = True
    #: It takes one system message only, the first.
    one_system: bool = False
    #: It sees pictures.
    vision: bool = False
    #: The name of the field that limits the answer.
    limit_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    #: Tokens of a question; a longer one is not sent. 0 for unknown.
    context: int = 0
    #: Texts in one request for embeddings.
    batch: int = 16
    #: Fields and headers that go with every request as they are.
    extra: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    __pydantic_config__ = ConfigDict(extra="forbid")


@functools.cache
def _adapter() -> TypeAdapter[Quirks]:
    return TypeAdapter(Quirks)


def overridden(quirks: Quirks, changes: Mapping[str, Any]) -> Quirks:
    """The quirks with some of them changed by name. Raises `BadQuirks`."""
    if not changes:
        return quirks
    try:
        return _adapter().validate_python({**asdict(quirks), **changes})
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        known = ", ".join(one.name for one in fields(Quirks))
        raise BadQuirks(why=f"{where}: {first['msg']}", known=known) from error
