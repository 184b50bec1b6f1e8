"""`@skill` makes a function a skill: one file says everything that the rest of the house needs."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from asgiref.sync import async_to_sync

from apps.core.i18n import Text, both
from apps.skills.context import Answer, CannotDo, Context, Reply, Rights, Stopped, as_reply
from apps.skills.declare import DeclarationError, Param, Parameter, parameters_of
from apps.skills.files import Attachment
from apps.skills.names import NAME, fold
from apps.skills.parameters import call_values
from apps.skills.registry import add, get, load, lookup, registry
from apps.skills.times import Every

__all__ = [
    "Answer",
    "Attachment",
    "CannotDo",
    "Context",
    "DeclarationError",
    "Every",
    "Param",
    "Parameter",
    "Reply",
    "Rights",
    "Skill",
    "Stopped",
    "both",
    "get",
    "load",
    "lookup",
    "registry",
    "skill",
]

#: A phrase with more gaps than these would match nearly anything, slowly.
MAX_FIELDS = 3
LANES = ("control", "interactive", "normal", "batch", "model")
Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True)
class Skill:
    """Something a person can ask for. `timeout` in seconds; `retries` counts runs after a crash."""

    name: str
    zh: str
    aliases: tuple[str, ...]
    summary: Text
    examples: tuple[Text, ...]
    phrases: tuple[Text, ...]
    parameters: tuple[Parameter, ...]
    call: Callable[..., Any]
    takes_context: bool
    module: str
    qualname: str
    quick: bool = False
    lane: str = "normal"
    timeout: int = 60
    retries: int = 2
    confirm: bool = False
    approve: bool = False
    hidden: bool = False
    writes: bool = True
    outside: bool = False
    plannable: bool = True
    gives: tuple[str, ...] = ()
    #: Skills that are rows and not files share one: `mcp`, `prompt` (see `apps.skills.added`).
    family: str = ""
    #: What exactly it is, where that can change while a question about it is open.
    version: str = ""

    @property
    def permission(self) -> str:
        """What a role must allow for running it."""
        return f"skill.{self.name}"

    @property
    def approval_permission(self) -> str:
        """What a role must allow for approving somebody else's run of it."""
        return f"approve.{self.name}"

    @property
    def words(self) -> tuple[str, ...]:
        """Everything it is called, each once."""
        return tuple({fold(w): w for w in (*self.aliases[::-1], self.zh, self.name)}.values())

    @property
    def label(self) -> Text:
        """Its name in each language."""
        return Text(self.zh, self.name)

    @property
    def schema(self) -> dict[str, Any]:
        """The parameters as one JSON Schema object, as models and programs want them."""
        properties = {p.name: p.schema for p in self.parameters}
        # A reference begins at the root of the whole, where pydantic's are of one parameter.
        shared = {k: v for one in properties.values() for k, v in one.pop("$defs", {}).items()}
        return {
            "type": "object",
            "properties": properties,
            "required": [p.name for p in self.parameters if p.required],
            "additionalProperties": False,
            **({"$defs": shared} if shared else {}),
        }

    @property
    def takes_file(self) -> bool:
        """Is there a parameter that a file can fill?"""
        return any(one.kind == "file" for one in self.parameters)

    @property
    def fields(self) -> frozenset[str]:
        """What later steps of a plan may take from its answer."""
        return frozenset(("text", *self.gives))

    def parameter(self, name: str) -> Parameter:
        """Return one parameter. Raises KeyError."""
        return {p.name: p for p in self.parameters}[name]

    def run(self, context: Context, stored: Mapping[str, Any]) -> Reply:
        """Call the function with stored (JSON) parameters; defaults fill what is not stored.

        Raises BadParameters when they do not fit, and whatever the function raises.
        """
        values = call_values(self.parameters, stored)
        for one in self.parameters:
            if one.kind == "file" and values.get(one.name):
                values[one.name] = context.files.find(**values[one.name])
        first = (context,) if self.takes_context else ()
        return as_reply(self.call(*first, **values))


def skill(
    *,
    name: str = "",
    zh: str = "",
    aliases: Sequence[str] = (),
    summary: Text | str = "",
    examples: Sequence[Text | str] = (),
    phrases: Sequence[Text | str] = (),
    quick: bool = False,
    lane: str = "normal",
    timeout: int = 60,
    retries: int = 2,
    confirm: bool = False,
    approve: bool = False,
    hidden: bool = False,
    writes: bool = True,
    outside: bool = False,
    plannable: bool = True,
    gives: Sequence[str] = (),
) -> Callable[[Function], Function]:
    """Register a function as a skill; its type hints are its parameters.

    `quick`: answers in place, without I/O that could wait. `lane`: control, interactive, normal,
    batch, or model for what waits for a language model. `timeout`: seconds. `retries`: runs again
    after a crash. `confirm`: the asker is asked first. `approve`: one other person with
    `approve.<name>` must agree. `hidden`: not in help. `writes`: it changes something; when it was
    spoken or a model proposed it, the asker is shown what was understood first. `plannable`: a
    language model may propose it; not for what only a person's own hand decides. `gives`: the
    names in `Reply.fields` that later steps of a plan may use, beside `text`.
    `outside`: what it answers was written by others (pages, files, mails), so that it may decide
    nothing by itself. `phrases`: whole sentences that mean it; `{parameter}` stands for a value.
    Without `name` the function's name counts, without `summary` its docstring's first line.
    Raises DeclarationError for what cannot be a skill.
    """

    def register(function: Function) -> Function:
        own = name or function.__name__.strip("_")
        _check(own, lane, timeout, retries)
        takes_context, parameters = parameters_of(function)
        if quick and any(one.kind == "file" for one in parameters):
            raise DeclarationError(f"skill {own}: what takes a file cannot be quick")
        _check_phrases(own, phrases, {p.name for p in parameters})
        made = Skill(
            name=own,
            zh=zh or own,
            aliases=tuple(aliases),
            summary=_text(summary or _first_line(function) or own),
            examples=tuple(map(_text, examples)) or (_text(f"/{own}"),),
            phrases=tuple(map(_text, phrases)),
            parameters=parameters,
            call=async_to_sync(function) if inspect.iscoroutinefunction(function) else function,
            takes_context=takes_context,
            module=function.__module__,
            qualname=function.__qualname__,
            quick=quick,
            lane=lane,
            timeout=timeout,
            retries=retries,
            confirm=confirm,
            approve=approve,
            hidden=hidden,
            writes=writes,
            outside=outside,
            plannable=plannable,
            gives=tuple(gives),
        )
        add(made)
        return function

    return register


def _check(name: str, lane: str, timeout: int, retries: int) -> None:
    if not NAME.fullmatch(name) or len(name) > 40:
        raise DeclarationError(
            f"skill {name!r}: a name is a-z, 0-9 and _, and begins with a letter"
        )
    if lane not in LANES:
        raise DeclarationError(f"skill {name}: lane is one of {', '.join(LANES)}")
    if timeout < 1 or retries < 0:
        raise DeclarationError(f"skill {name}: timeout is at least 1, retries at least 0")


def _check_phrases(name: str, phrases: Sequence[Text | str], known: set[str]) -> None:
    for said in (text for phrase in map(_text, phrases) for text in (phrase.zh, phrase.en)):
        fields = re.findall(r"\{(.*?)\}", said)
        if not set(fields) <= known or len(fields) > MAX_FIELDS:
            raise DeclarationError(
                f"skill {name}: phrase {said!r} may name up to {MAX_FIELDS} of its parameters"
            )


def _text(value: Text | str) -> Text:
    return value if isinstance(value, Text) else Text(value, value)


def _first_line(function: Callable[..., Any]) -> str:
    return (inspect.getdoc(function) or "").partition("\n")[0]
