"""The body of `POST /v1/chat/completions`: what may stand in it, and nothing else.

Taken and left alone: what is for OpenAI's own books (`user`, `metadata`, `store` …). Taken at its
neutral value only: what we could not keep (`n`, `logit_bias` …), so that nobody relies on it.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

MOST_TOKENS = 128_000
MOST_MESSAGES = 2_000
MOST_TOOLS = 128
#: Nobody said how long the answer may be.
TOKENS = 4_096


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class TextPart(_Strict):
    """A part of a message that is text."""

    type: Literal["text"]
    text: str


class ImageAddress(_Strict):
    """A `data:` URL: nothing is fetched for anybody."""

    url: str
    detail: Literal["auto", "low", "high"] = "auto"


class ImagePart(_Strict):
    """A part of a message that is a picture."""

    type: Literal["image_url"]
    image_url: ImageAddress


Parts = list[Annotated[TextPart | ImagePart, Field(discriminator="type")]]
Name = Annotated[str, Field(min_length=1, max_length=64)]


class FunctionCall(_Strict):
    """Arguments are a JSON text."""

    name: Name
    arguments: str


class Call(_Strict):
    """A call that the assistant made."""

    id: str
    type: Literal["function"] = "function"
    function: FunctionCall


class Said(_Strict):
    """A message of the house or of a person."""

    role: Literal["system", "developer", "user"]
    content: str | Parts
    name: str | None = None


class AssistantSaid(_Strict):
    """A message of the model; the fields after `tool_calls` come back from clients as they got
    them, and say nothing."""

    role: Literal["assistant"]
    content: str | list[TextPart] | None = None
    name: str | None = None
    tool_calls: list[Call] | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    annotations: list[Any] | None = None
    audio: None = None
    function_call: None = None


class ToolSaid(_Strict):
    """What a tool answered."""

    role: Literal["tool"]
    content: str | list[TextPart]
    tool_call_id: str


def _speaker(given: Any) -> str:
    role = given.get("role") if isinstance(given, dict) else None
    return role if role in {"assistant", "tool"} else "said"


Message = Annotated[
    Annotated[Said, Tag("said")]
    | Annotated[AssistantSaid, Tag("assistant")]
    | Annotated[ToolSaid, Tag("tool")],
    Discriminator(_speaker),
]


class Function(_Strict):
    """A tool's name, what it is for, and the JSON Schema of its arguments."""

    name: Name
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class FunctionTool(_Strict):
    """The one kind of tool."""

    type: Literal["function"]
    function: Function


class Named(_Strict):
    """A name."""

    name: Name


class NamedChoice(_Strict):
    """This tool and no other."""

    type: Literal["function"]
    function: Named


class JsonSchema(_Strict):
    """What the answer has to be."""

    name: Name
    description: str | None = None
    schema_: dict[str, Any] = Field(alias="schema")
    strict: bool | None = None


class Format(_Strict):
    """`text`, `json_object`, or `json_schema` with its schema."""

    type: Literal["text", "json_object", "json_schema"]
    json_schema: JsonSchema | None = None


class StreamOptions(_Strict):
    """What a stream tells beside its text."""

    include_usage: bool = False
    include_obfuscation: bool = False


Stop = Annotated[str, Field(min_length=1, max_length=200)]


class Body(_Strict):
    """All of it."""

    model: Annotated[str, Field(min_length=1, max_length=200)]
    messages: Annotated[list[Message], Field(min_length=1, max_length=MOST_MESSAGES)]
    tools: Annotated[list[FunctionTool], Field(max_length=MOST_TOOLS)] | None = None
    tool_choice: Literal["none", "auto", "required"] | NamedChoice | None = None
    response_format: Format | None = None
    max_tokens: Annotated[int, Field(ge=1, le=MOST_TOKENS)] | None = None
    max_completion_tokens: Annotated[int, Field(ge=1, le=MOST_TOKENS)] | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    stop: Stop | Annotated[list[Stop], Field(max_length=4)] | None = None
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high", "xhigh"] | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None

    user: str | None = None
    metadata: dict[str, str] | None = None
    store: bool | None = None
    service_tier: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    parallel_tool_calls: bool | None = None
    seed: int | None = None

    n: Literal[1] | None = None
    top_p: Annotated[float, Field(ge=1, le=1)] | None = None
    presence_penalty: Annotated[float, Field(ge=0, le=0)] | None = None
    frequency_penalty: Annotated[float, Field(ge=0, le=0)] | None = None
    logprobs: Literal[False] | None = None
    top_logprobs: Literal[0] | None = None
    logit_bias: Annotated[dict[str, float], Field(max_length=0)] | None = None
    modalities: list[Literal["text"]] | None = None
