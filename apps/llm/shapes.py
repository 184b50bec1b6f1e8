"""What is asked of a language model and what comes back, whoever makes the model.

The wire of every provider is Chat Completions; these are its parts in our own words.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Role = Literal["system", "user", "assistant", "tool"]
#: Why the model stopped: by itself, at its limit, to call tools, or because of its vendor's filter.
Finish = Literal["stop", "length", "tool_calls", "blocked"]
#: Who may read what an answer restores: `person:<pk>` or `chat:<pk>`.
Audience = str


@dataclass(frozen=True, slots=True)
class Tool:
    """Something that a model may propose to call; `schema` is a JSON Schema object."""

    name: str
    description: str
    schema: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call that a model proposes: never more than a proposal. `arguments` is any JSON object."""

    name: str
    arguments: Mapping[str, Any]
    id: str = ""


@dataclass(frozen=True, slots=True)
class Picture:
    """An image for a model that sees. It cannot be masked, so it goes to internal models only."""

    data: bytes
    mime: str


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of a conversation with a model.

    `calls` are those of an assistant, `call_id` names the one that a tool answers. `raw` is the
    assistant's message as the vendor gave it, sent back unchanged (DeepSeek and Kimi refuse a
    history without their `reasoning_content`).
    """

    role: Role
    text: str = ""
    calls: tuple[ToolCall, ...] = ()
    call_id: str = ""
    pictures: tuple[Picture, ...] = ()
    raw: Mapping[str, Any] | None = None


def system(text: str) -> Turn:
    """What the house says."""
    return Turn("system", text)


def user(text: str) -> Turn:
    """What a person says."""
    return Turn("user", text)


@dataclass(frozen=True, slots=True)
class Ask:
    """One question to a model.

    `schema` wants the answer as JSON of that schema (then `Answer.data` holds it, checked).
    `choice`: "auto", "none", "required", or the name of one tool. `effort`: how much a model that
    reasons may think, "" for as it likes, "none" for not at all. `timeout` in seconds, for
    everything together.
    """

    turns: tuple[Turn, ...]
    tools: tuple[Tool, ...] = ()
    choice: str = "auto"
    schema: Mapping[str, Any] | None = None
    max_tokens: int = 1024
    temperature: float | None = 0.0
    stop: tuple[str, ...] = ()
    effort: str = ""
    timeout: float = 60.0


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one call. `known` is False when the vendor told nothing and they are estimated."""

    tokens_in: int = 0
    tokens_out: int = 0
    known: bool = True


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model said. `text` is without its reasoning; `raw` is its message as it came."""

    text: str = ""
    calls: tuple[ToolCall, ...] = ()
    data: Any = None
    finish: Finish = "stop"
    reasoning: str = ""
    usage: Usage = field(default_factory=Usage)
    model: str = ""
    call_uid: str = ""
    raw: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a streamed answer: text as it comes; the last one holds the whole `answer`."""

    text: str = ""
    reasoning: str = ""
    answer: Answer | None = None


@dataclass(frozen=True, slots=True)
class Purpose:
    """For whom and why a call is made; goes into its row, its limits and the audit.

    `audience` is whose placeholders the masks use and restore. `person_id` is None for the
    installation itself. `why` is a short word: `understand`, `plan`, `ask`, `read`, `api` …
    `only_internal`: it holds what cannot be masked (files, pictures).
    """

    why: str
    person_id: int | None = None
    audience: Audience = ""
    job: str = ""
    trace_id: str = ""
    only_internal: bool = False


def texts_in(value: Any) -> Iterator[str]:
    """Every text in a JSON value, the names of its fields too."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, one in value.items():
            yield str(key)
            yield from texts_in(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from texts_in(one)
