"""From a tool's JSON Schema to a skill's parameters, and from their values to its arguments.

Plain values (string, integer, number, boolean, a list of allowed strings) are typed parameters;
arrays and objects are given as JSON text. What refers elsewhere is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

from pydantic import Field

from apps.core import strictjson
from apps.core.i18n import Text, both
from apps.skills.context import CannotDo
from apps.skills.declare import Guard, Kind, Parameter
from apps.skills.mcp.client import header_value
from apps.skills.mcp.definition import revealed
from apps.skills.names import NAME, fold, visible

MOST = 20
MOST_CHOICES = 50
MAX_TEXT = 20_000
_TYPES: Mapping[str, tuple[Kind, type]] = {
    "string": ("text", str),
    "integer": ("int", int),
    "number": ("float", float),
    "boolean": ("bool", bool),
}
_GUARDS: tuple[tuple[Guard, re.Pattern[str]], ...] = (
    ("url", re.compile(r"ur[il]|link|endpoint|webhook|host")),
    ("recipient", re.compile(r"(^|_)(to|cc|bcc)(_|$)|recipient|mail|channel|phone|user|address")),
    ("command", re.compile(r"command|cmd|shell|script|code|sql|exec")),
    ("amount", re.compile(r"amount|price|sum|quantity|total|count")),
)

NO_OBJECT = both("参数不是一个对象", "its parameters are no object")
MANY = both(f"参数超过 {MOST} 个", f"it has more than {MOST} parameters")
REFERS = both("参数结构引用别处（$ref）", "its schema refers elsewhere ($ref)")
BAD_NAME = both("参数名不可用：{name}", "a parameter's name cannot be used: {name}")
SAME_NAME = both("两个参数同名：{name}", "two parameters are called {name}")
BAD_HEADER = both("参数 {name} 要求的请求头不可用", "the header that {name} wants cannot be sent")
NO_JSON = both("{label}：要写成 JSON", "{label}: must be JSON")


class Unfit(Exception):
    """No skill can be made of it; `why` says so."""

    def __init__(self, why: Text) -> None:
        super().__init__(why.en)
        self.why = why


@dataclass(frozen=True, slots=True)
class Argument:
    """A parameter of ours and where it goes: the tool's own name for it, its header if it wants
    one, and whether it is given as JSON text."""

    parameter: Parameter
    name: str
    header: str = ""
    as_json: bool = False


def arguments_of(schema: Mapping[str, Any], *, abroad: bool) -> tuple[Argument, ...]:
    """Return the arguments, the required ones first. Raises `Unfit`.

    `abroad`: the server is not ours, so that any text that it gets has left the house.
    """
    if schema.get("type") != "object":
        raise Unfit(NO_OBJECT)
    if _refers(schema):
        raise Unfit(REFERS)
    properties = schema.get("properties", {})
    required = schema.get("required", [])
    if not isinstance(properties, dict) or not isinstance(required, list):
        raise Unfit(NO_OBJECT)
    if len(properties) > MOST:
        raise Unfit(MANY)
    made = [_argument(name, one, name in required, abroad) for name, one in properties.items()]
    if sum("x-mcp-header" in one for one in _objects(schema)) != sum(bool(a.header) for a in made):
        raise Unfit(BAD_HEADER.format(name="…"))
    made.sort(key=lambda one: not one.parameter.required)
    _check_names(made)
    return tuple(made) if len(made) != 1 else (_whole(made[0]),)


def values_for(
    arguments: tuple[Argument, ...], values: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return what is sent: the tool's arguments, and the headers that repeat some of them.

    Raises `CannotDo` for a text that should be JSON.
    """
    found: dict[str, Any] = {}
    headers: dict[str, str] = {}
    for one in arguments:
        value = values.get(one.parameter.name)
        if value is None:
            continue
        found[one.name] = _loaded(one, value) if one.as_json else value
        if one.header:
            shown = str(value).lower() if isinstance(value, bool) else str(value)
            headers[f"Mcp-Param-{one.header}"] = header_value(shown)
    return found, headers


def _loaded(argument: Argument, text: str) -> Any:
    try:
        return strictjson.loads(text)
    except strictjson.MalformedJson as error:
        raise CannotDo(NO_JSON, label=argument.parameter.label) from error


def _argument(name: str, schema: Any, required: bool, abroad: bool) -> Argument:
    own = own_name(name)
    given = _bare(schema) if isinstance(schema, dict) else {}
    kind, hint, choices = _hint(given)
    as_json = not kind
    about = given.get("description")
    label = own + (" (JSON)" if as_json else "")
    parameter = Parameter(
        name=own,
        kind=kind or "text",
        hint=hint if required else hint | None,
        label=Text(label, label),
        question=both("请给出 {label}。", "Please give {label}.").format(label=label),
        required=required,
        asked=required,
        limit=MAX_TEXT,
        choices=choices,
        guard=_guard(own, kind or "text", abroad),
        about=visible(about)[:500] if isinstance(about, str) else "",
    )
    return Argument(parameter, name, _header(name, given), as_json)


def _bare(schema: dict[str, Any]) -> dict[str, Any]:
    """Without the ways to say that it may be null."""
    kind = schema.get("type")
    if isinstance(kind, list):
        some = [one for one in kind if one != "null"]
        return {**schema, "type": some[0] if len(some) == 1 else None}
    arms = schema.get("anyOf")
    if isinstance(arms, list):
        some = [one for one in arms if isinstance(one, dict) and one.get("type") != "null"]
        if len(some) == 1:
            return {**{k: v for k, v in schema.items() if k != "anyOf"}, **some[0]}
    return schema


def _hint(schema: Mapping[str, Any]) -> tuple[Kind | None, Any, dict[str, Any]]:
    """The kind (None for JSON text), the type and the choices of a property."""
    allowed = schema.get("enum")
    if isinstance(allowed, list) and schema.get("type", "string") == "string":
        texts = [one for one in allowed if isinstance(one, str) and one == visible(one)]
        folded = {fold(one): one for one in texts}
        if texts and len(folded) == len(allowed) <= MOST_CHOICES:
            return "choice", Literal[tuple(texts)], dict(folded)
    kind = schema.get("type")
    if not isinstance(kind, str) or kind not in _TYPES:
        return None, str, {}
    found, hint = _TYPES[kind]
    return found, _bounded(found, hint, schema), {}


def _bounded(kind: Kind, hint: Any, schema: Mapping[str, Any]) -> Any:
    names = {"minimum": "ge", "maximum": "le", "exclusiveMinimum": "gt", "exclusiveMaximum": "lt"}
    if kind == "text":
        names = {"minLength": "min_length", "maxLength": "max_length"}
    elif kind == "bool":
        return hint
    bounds = {
        ours: schema[theirs]
        for theirs, ours in names.items()
        if isinstance(schema.get(theirs), int | float) and not isinstance(schema[theirs], bool)
    }
    if kind == "text":
        bounds = {name: int(value) for name, value in bounds.items() if 0 <= value <= MAX_TEXT}
    return Annotated[hint, Field(**bounds)] if bounds else hint


def own_name(name: str) -> str:
    """Return a parameter's name as it can be typed: `maxResults` is `max_results`.

    Raises `Unfit`.
    """
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    found = re.sub(r"[^a-z0-9]+", "_", snake.lower()).strip("_")
    if not NAME.fullmatch(found) or len(found) > 40 or not name.isascii():
        raise Unfit(BAD_NAME.format(name=revealed(name)[:40]))
    return found


def _check_names(made: list[Argument]) -> None:
    seen: set[str] = set()
    for one in made:
        if one.parameter.name in seen:
            raise Unfit(SAME_NAME.format(name=one.parameter.name))
        seen.add(one.parameter.name)


def _guard(name: str, kind: Kind, abroad: bool) -> Guard:
    for guard, pattern in _GUARDS:
        if pattern.search(name):
            return guard
    return "recipient" if abroad and kind == "text" else ""


def _header(name: str, schema: Mapping[str, Any]) -> str:
    wanted = schema.get("x-mcp-header")
    if wanted is None:
        return ""
    if not isinstance(wanted, str) or not re.fullmatch(r"[A-Za-z0-9-]{1,60}", wanted):
        raise Unfit(BAD_HEADER.format(name=name[:40]))
    return wanted


def _whole(one: Argument) -> Argument:
    """The only text of a tool is everything that is typed after its name."""
    parameter = one.parameter
    if parameter.kind != "text" or not parameter.required:
        return one
    return replace(one, parameter=replace(parameter, rest=True))


def _refers(schema: Any) -> bool:
    return any("$ref" in one or "$dynamicRef" in one for one in _objects(schema))


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    left = [value]
    while left:
        one = left.pop()
        if isinstance(one, dict):
            yield one
            left.extend(one.values())
        elif isinstance(one, list):
            left.extend(one)
