"""From a skill function's type hints to its parameters: what may be typed, stored and asked for."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum
from functools import cached_property
from typing import Any, Literal

from pydantic import TypeAdapter
from typing_extensions import TypedDict, is_typeddict

from apps.core.i18n import Text
from apps.skills.files import Attachment
from apps.skills.names import fold
from apps.skills.times import Every

Kind = Literal["text", "int", "float", "bool", "choice", "time", "every", "file", "json"]
#: What a value decides; "" for nothing that could hurt. See `Param.guard`.
Guard = Literal["", "recipient", "url", "command", "amount"]
MAX_TEXT = 1_000_000  # no more than the entrances let in

_PLAIN: dict[object, Kind] = {
    str: "text",
    int: "int",
    float: "float",
    bool: "bool",
    datetime: "time",
    Every: "every",
    Attachment: "file",
}


class FileValue(TypedDict):
    """How a file is stored as a parameter: which message brought it, and which of its files."""

    message: int
    index: int
    name: str


class DeclarationError(TypeError):
    """A skill's file declares something that cannot be a skill; the text names it."""


@dataclass(frozen=True)
class Param:
    """What a type hint alone cannot say about a parameter; goes into `Annotated[..., Param(...)]`.

    `rest`: everything from here on, exactly as typed (one text parameter, the last).
    `ask`: the question when it was not given. With a default, too, it is asked whenever somebody
    is there to answer; a schedule takes the default.
    `lead`: a pattern of words at the front of a typed text that only belong to the asking.
    `limit`: the most characters. `words`: other spellings of a choice.
    `command`: the text is itself a command, to be asked later.
    `guard`: it says who gets something, where, what is run or how much: a value that came out of
    text which somebody else wrote fills it only after the asker confirmed it.
    """

    label: Text | None = None
    ask: Text | None = None
    rest: bool = False
    lead: str = ""
    limit: int = MAX_TEXT
    words: Mapping[str, Sequence[str]] = field(default_factory=dict)
    command: bool = False
    guard: Guard = ""


@dataclass(frozen=True)
class Parameter:
    """One parameter of a skill. `choices` maps what may be typed (folded) to the stored value."""

    name: str
    kind: Kind
    hint: Any
    label: Text
    question: Text
    required: bool
    asked: bool
    default: Any = None
    rest: bool = False
    #: A time beside a rest parameter is not a word of its own: it is found in the rest and cut out.
    found: bool = False
    lead: str = ""
    limit: int = MAX_TEXT
    choices: Mapping[str, Any] = field(default_factory=dict)
    command: bool = False
    guard: Guard = ""
    #: More than the label says, for models and programs.
    about: str = ""

    @cached_property
    def adapter(self) -> TypeAdapter[Any]:
        """Pydantic's reader and writer of this type, made at first use."""
        if self.kind == "file":
            return TypeAdapter(FileValue)
        return TypeAdapter(self.hint)

    @property
    def schema(self) -> dict[str, Any]:
        """The parameter as JSON Schema, for models and API documentation."""
        return {**self.adapter.json_schema(), "description": self.about or self.label.en}

    @property
    def shown_choices(self) -> list[str]:
        """The values that may be typed, without their other spellings."""
        return list(dict.fromkeys(str(_plain(value)) for value in self.choices.values()))


def parameters_of(function: Callable[..., Any]) -> tuple[bool, tuple[Parameter, ...]]:
    """Return whether the function takes the context first, and its parameters.

    Raises DeclarationError for what cannot be a parameter.
    """
    declared = list(inspect.signature(function).parameters.values())
    context = bool(declared) and _is_context(declared[0])
    declared = declared[1:] if context else declared
    hints = _hints(function, [p.name for p in declared])
    made = [_parameter(p, hints) for p in declared]
    _check_rest(made)
    if any(p.rest for p in made):
        made = [_with_found(p) for p in made]
    return context, tuple(made)


def _is_context(first: inspect.Parameter) -> bool:
    hint = first.annotation
    name = hint if isinstance(hint, str) else getattr(hint, "__name__", "")
    return first.name == "ctx" or name.rpartition(".")[2] == "Context"


def _hints(function: Callable[..., Any], names: list[str]) -> dict[str, Any]:
    # Only the parameters: the context and the answer may be imported for type checkers alone.
    raw = inspect.get_annotations(function)
    holder = types.SimpleNamespace(__annotations__={n: raw[n] for n in names if n in raw})
    space = getattr(function, "__globals__", {})
    try:
        return typing.get_type_hints(holder, globalns=space, include_extras=True)
    except NameError as error:
        raise DeclarationError(f"{function.__name__}: unknown type hint: {error}") from error


def _parameter(declared: inspect.Parameter, hints: dict[str, Any]) -> Parameter:
    name = declared.name
    if declared.kind in (declared.VAR_POSITIONAL, declared.VAR_KEYWORD, declared.POSITIONAL_ONLY):
        raise DeclarationError(f"parameter {name}: *args, **kwargs and / are not possible")
    if name not in hints:
        raise DeclarationError(f"parameter {name}: a type hint is missing")
    hint, extra = hints[name], Param()
    if typing.get_origin(hint) is typing.Annotated:
        extra = next((m for m in hint.__metadata__ if isinstance(m, Param)), extra)
    kind, choices = _kind(name, _bare(hint), extra)
    required = declared.default is declared.empty
    label = extra.label or Text(name, name)
    return Parameter(
        name=name,
        kind=kind,
        hint=hint,
        label=label,
        question=extra.ask or Text("请给出{label}。", "Please give {label}.").format(label=label),
        required=required,
        asked=required or extra.ask is not None,
        default=None if required else declared.default,
        rest=extra.rest,
        lead=extra.lead,
        limit=extra.limit,
        choices=choices,
        command=extra.command,
        guard="command" if extra.command else extra.guard,
    )


def _bare(hint: Any) -> Any:
    """The type without Annotated and without `| None`."""
    while typing.get_origin(hint) is typing.Annotated:
        hint = hint.__origin__
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        some = [arm for arm in typing.get_args(hint) if arm is not types.NoneType]
        if len(some) == 1:
            return _bare(some[0])
    return hint


def _kind(name: str, hint: Any, extra: Param) -> tuple[Kind, dict[str, Any]]:
    if typing.get_origin(hint) is Literal:
        return "choice", _choices({str(v): v for v in typing.get_args(hint)}, extra)
    if isinstance(hint, type) and issubclass(hint, Enum):
        members = {str(member.value): member for member in hint}
        return "choice", _choices(members | {m.name: m for m in hint}, extra)
    if typing.get_origin(hint) is list and all(map(is_typeddict, typing.get_args(hint))):
        return "json", {}
    if hint not in _PLAIN:
        raise DeclarationError(
            f"parameter {name}: {hint!r} is not possible; use str, int, float, bool, Literal, "
            "an Enum, datetime, Every, Attachment, or a list of a TypedDict"
        )
    return _PLAIN[hint], {}


def _choices(values: dict[str, Any], extra: Param) -> dict[str, Any]:
    found = {fold(word): value for word, value in values.items()}
    for word, others in extra.words.items():
        if word not in values:
            raise DeclarationError(f"words: {word!r} is none of {', '.join(values)}")
        found |= {fold(other): values[word] for other in others}
    return found


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, Enum) else value


def _check_rest(made: list[Parameter]) -> None:
    for place, parameter in enumerate(made, 1):
        if parameter.rest and (parameter.kind != "text" or place != len(made)):
            raise DeclarationError(f"parameter {parameter.name}: rest is for one last text")


def _with_found(parameter: Parameter) -> Parameter:
    return replace(parameter, found=parameter.kind in ("time", "every"))
