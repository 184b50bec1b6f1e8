"""Type hints become parameters; what cannot be one is refused with its name."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from enum import Enum
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field

from apps.skills.base import Context, DeclarationError, Every, Param, both, get, skill
from apps.skills.declare import parameters_of
from apps.skills.testing import ask, context, declared


class Size(Enum):
    """An enumeration as a hint."""

    SMALL = "s"
    LARGE = "l"


def everything(
    ctx: Context,
    name: str,
    count: int,
    share: float,
    sure: bool,
    size: Size,
    side: Literal["left", "right"],
    when: datetime | None = None,
    again: Every | None = None,
    rest: Annotated[str, Param(rest=True, limit=10)] = "",
) -> str:
    """A function with every kind of parameter."""
    return name


def test_every_kind_of_hint() -> None:
    takes_context, parameters = parameters_of(everything)
    assert takes_context
    kinds = {p.name: p.kind for p in parameters}
    assert list(kinds.values()) == [
        "text", "int", "float", "bool", "choice", "choice", "time", "every", "text",
    ]  # fmt: skip
    required = {p.name for p in parameters if p.required}
    assert required == {"name", "count", "share", "sure", "size", "side"}
    assert {p.name for p in parameters if p.found} == {"when", "again"}


def test_choices_are_found_by_any_spelling() -> None:
    def move(side: Annotated[Literal["left", "right"], Param(words={"left": ["左"]})]) -> str:
        return side

    (side,) = parameters_of(move)[1]
    assert side.choices == {"left": "left", "right": "right", "左": "left"}
    assert side.shown_choices == ["left", "right"]


def test_a_context_is_optional() -> None:
    def plain(name: str) -> str:
        return name

    takes_context, parameters = parameters_of(plain)
    assert not takes_context
    assert [p.name for p in parameters] == ["name"]


def no_hint(ctx: Context, name) -> str:  # type: ignore[no-untyped-def]
    """A parameter without a hint."""
    return str(name)


def a_list(ctx: Context, names: list[str]) -> str:
    """A hint that cannot be typed in a chat."""
    return ""


def stars(ctx: Context, *names: str) -> str:
    """Any number of words."""
    return ""


def rest_first(text: Annotated[str, Param(rest=True)], name: str) -> str:
    """A rest that is not last."""
    return text


def rest_number(count: Annotated[int, Param(rest=True)]) -> str:
    """A rest that is no text."""
    return ""


def bad_words(side: Annotated[Literal["left"], Param(words={"up": ["上"]})]) -> str:
    """Another spelling of a value that is none."""
    return side


@pytest.mark.parametrize("function", [no_hint, a_list, stars, rest_first, rest_number, bad_words])
def test_what_cannot_be_a_parameter_is_refused(function: Callable[..., Any]) -> None:
    with pytest.raises(DeclarationError):
        parameters_of(function)


@pytest.mark.parametrize(
    "options",
    [
        {"name": "Hello"},
        {"name": "a-b"},
        {"name": "帮助"},
        {"name": "x" * 41},
        {"lane": "fast"},
        {"timeout": 0},
        {"retries": -1},
        {"phrases": ["do {nothing}"]},
    ],
)
def test_a_wrong_declaration_is_refused(options: dict[str, Any]) -> None:
    def hello(ctx: Context) -> str:
        return "hello"

    with declared(), pytest.raises(DeclarationError):
        skill(**options)(hello)
    assert get("hello") is None


def test_little_is_needed() -> None:
    with declared():

        @skill()
        def hello(ctx: Context) -> str:
            """Greet somebody."""
            return "hi"

        found = get("hello")
        assert found is not None
        assert found.permission == "skill.hello"
        assert found.approval_permission == "approve.hello"
        assert found.summary == both("Greet somebody.", "Greet somebody.")
        assert found.examples == (both("/hello", "/hello"),)
        assert ask("hello", context()) == "hi"
    assert get("hello") is None


def test_an_asynchronous_function_is_a_skill_too() -> None:
    with declared():

        @skill()
        async def later(ctx: Context) -> str:
            return "done"

        assert ask("later", context()) == "done"


def test_another_kind_of_answer_is_an_error() -> None:
    with declared():

        @skill()
        def odd(ctx: Context) -> int:
            return 5

        with pytest.raises(TypeError, match="not int"):
            ask("odd", context())


def test_the_schema_says_what_a_model_may_send() -> None:
    with declared():

        @skill()
        def order(
            count: Annotated[int, Field(ge=1, le=9), Param(label=both("份数", "portions"))],
            drink: Literal["tea", "coffee"] = "tea",
        ) -> str:
            return f"{count} {drink}"

        found = get("order")
        assert found is not None
        assert found.schema == {
            "type": "object",
            "properties": {
                "count": {
                    "type": "integer", "minimum": 1, "maximum": 9, "description": "portions",
                },
                "drink": {
                    "type": "string", "enum": ["tea", "coffee"], "description": "drink",
                },
            },
            "required": ["count"],
            "additionalProperties": False,
        }  # fmt: skip
