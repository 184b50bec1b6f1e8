"""Typed words and JSON become parameters, or a question, or a reason in both languages."""

from __future__ import annotations

import json
from datetime import datetime
from enum import Enum
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from apps.assistant.grammar import Command
from apps.skills.base import Every, Param, both
from apps.skills.declare import Parameter, parameters_of
from apps.skills.parameters import (
    BadParameters,
    Bound,
    Invalid,
    Missing,
    Result,
    bind,
    call_values,
    check,
    fill,
    read_named,
    without,
)
from apps.skills.testing import NOW, SHANGHAI
from apps.skills.times import Clock


class Size(Enum):
    """Sizes."""

    SMALL = "s"
    LARGE = "l"


def order(
    count: Annotated[int, Field(ge=1, le=9), Param(label=both("份数", "portions"))],
    drink: Literal["tea", "coffee"] = "tea",
    sugar: bool = False,
    price: float = 1.0,
    size: Size = Size.SMALL,
) -> str:
    """Order drinks."""
    return f"{count} {drink}"


def note(
    at: datetime | None = None,
    again: Every | None = None,
    loud: bool = False,
    text: Annotated[str, Param(rest=True, ask=both("记什么？", "Note what?"), limit=20)] = "",
) -> str:
    """Note something, perhaps at a time."""
    return text


def ring(
    at: Annotated[datetime | None, Param(ask=both("几点？", "When?"))] = None,
    text: Annotated[str, Param(rest=True, ask=both("什么？", "What?"))] = "",
) -> str:
    """Ring at a time that is asked for when somebody can answer."""
    return text


ORDER = parameters_of(order)[1]
NOTE = parameters_of(note)[1]
RING = parameters_of(ring)[1]


def typed(parameters: tuple[Parameter, ...], tail: str, clock: Clock, **more: Any) -> Result:
    """Bind what a person typed after a command's name."""
    return bind(parameters, Command("x", tail=tail).arguments, clock, **more)


def values(parameters: tuple[Parameter, ...], tail: str, clock: Clock) -> dict[str, Any]:
    """The values of something that is complete."""
    result = typed(parameters, tail, clock)
    assert isinstance(result, Bound), result
    return result.values


def why(parameters: tuple[Parameter, ...], tail: str, clock: Clock) -> str:
    """The reason in English; the Chinese one is there, too, and is another one."""
    result = typed(parameters, tail, clock)
    assert isinstance(result, Invalid), result
    assert result.why.zh != result.why.en
    return result.why.en


@pytest.mark.parametrize(
    ("tail", "expected"),
    [
        ("3", {"count": 3}),
        ("３", {"count": 3}),
        ("+3 COFFEE", {"count": 3, "drink": "coffee"}),
        ("drink=coffee 3", {"count": 3, "drink": "coffee"}),
        ("3 --drink coffee", {"count": 3, "drink": "coffee"}),
        ("--drink=coffee --count 3", {"count": 3, "drink": "coffee"}),
        ("3 —sugar", {"count": 3, "sugar": True}),
        ("3 tea 是 2.5 l", {"count": 3, "drink": "tea", "sugar": True, "price": 2.5, "size": "l"}),
        ("3 size=SMALL price=.5", {"count": 3, "size": "s", "price": 0.5}),
        ("份数=3", {"count": 3}),
        ("Count＝“3”", {"count": 3}),
    ],
)
def test_words_become_values(tail: str, expected: dict[str, Any], clock: Clock) -> None:
    assert values(ORDER, tail, clock) == expected


@pytest.mark.parametrize(
    ("tail", "reason"),
    [
        ("③", "portions: must be a whole number"),
        ("٣", "portions: must be a whole number"),
        ("3²", "portions: must be a whole number"),
        ("3.0", "portions: must be a whole number"),
        ("1_0", "portions: must be a whole number"),
        ("1e3", "portions: must be a whole number"),
        ("9" * 19, "portions: must be a whole number"),
        ("0", "portions: must be at least 1"),
        ("10", "portions: must be at most 9"),
        ("3 milk", "drink: must be one of: tea, coffee"),
        ("3 sugar=perhaps", "sugar: must be yes or no"),
        ("3 price=nan", "price: must be a number"),
        ("3 price=inf", "price: must be a number"),
        ("3 size=xl", "size: must be one of: s, l"),
        ("3 tea yes 1 s more", "Too much: more"),
        ("3 --milk", "There is no parameter --milk"),
        ("3 --drink", "--drink needs a value"),
        ("3 --drink --sugar", "--drink needs a value"),
        ('3 "tea', 'A quote is not closed: "tea'),
    ],
)
def test_what_does_not_fit_is_said(tail: str, reason: str, clock: Clock) -> None:
    assert why(ORDER, tail, clock) == reason


def test_what_is_missing_is_asked_for(clock: Clock) -> None:
    result = typed(ORDER, "drink=coffee", clock)
    assert isinstance(result, Missing)
    assert result.parameter.name == "count"
    assert result.question == both("请给出份数。", "Please give portions.")
    assert result.values == {"drink": "coffee"}


def test_an_empty_word_is_nothing_given(clock: Clock) -> None:
    result = typed(ORDER, '""', clock)
    assert isinstance(result, Missing)


@pytest.mark.parametrize(
    "text",
    ["a  b\n c", '"a b"', "it's", "'unclosed", "ＡＢ①", "--x y=z", "a \\ b", "👨‍👩‍👧", "x\u200by"],
)
def test_rest_is_exactly_as_typed(text: str, clock: Clock) -> None:
    assert values(NOTE, text, clock) == {"text": text}


def test_options_stand_before_the_rest(clock: Clock) -> None:
    assert values(NOTE, "--loud hello  --loud", clock) == {"loud": True, "text": "hello  --loud"}


def test_rest_is_limited(clock: Clock) -> None:
    assert why(NOTE, "x" * 21, clock) == "text: must have at most 20 characters"


@pytest.mark.parametrize(
    ("tail", "at", "text"),
    [
        ("20分钟后 交周报", "2026-11-22T10:20:00+08:00", "交周报"),
        ("交周报，20分钟后", "2026-11-22T10:20:00+08:00", "交周报"),
        ("call Bob in 20 minutes at the door", "2026-11-22T10:20:00+08:00", "call Bob at the door"),
        ('at="2026-12-01 15:00" tea', "2026-12-01T15:00:00+08:00", "tea"),
        ("at=2026-12-01T15:00Z tea", "2026-12-01T15:00:00Z", "tea"),
        ("at=now 20分钟后开会", "2026-11-22T10:00:00+08:00", "20分钟后开会"),
        ("at=20分钟后 tea", "2026-11-22T10:20:00+08:00", "tea"),
    ],
)
def test_a_time_is_found_in_the_rest(tail: str, at: str, text: str, clock: Clock) -> None:
    assert values(NOTE, tail, clock) == {"at": at, "text": text}


def test_a_repetition_is_found_in_the_rest(clock: Clock) -> None:
    found = values(NOTE, "每天9点 写日报", clock)
    assert found == {"again": {"cron": "0 9 * * *", "words": "每天9点"}, "text": "写日报"}
    again = call_values(NOTE, found)["again"]
    assert again == Every("0 9 * * *", "每天9点")


@pytest.mark.parametrize(
    "tail",
    ["at=never tea", "at=2026-02-30T10:00 tea", "at=2026-12-01 15:00", "at=20分钟后开会 tea"],
)
def test_what_is_no_time_is_said(tail: str, clock: Clock) -> None:
    result = typed(NOTE, tail, clock)
    assert isinstance(result, Invalid)
    assert result.parameter is not None
    assert result.parameter.name == "at"


def test_a_question_with_a_default_is_asked_only_when_somebody_is_there(clock: Clock) -> None:
    result = typed(RING, "tea", clock)
    assert isinstance(result, Missing)
    assert result.parameter.name == "at"
    assert typed(RING, "tea", clock, attended=False) == Bound({"text": "tea"})


def test_the_answer_to_a_question_fills_the_gap(clock: Clock) -> None:
    done = fill(RING, {"text": "tea"}, "at", "20分钟后吧", clock)
    assert done == Bound({"text": "tea", "at": "2026-11-22T10:20:00+08:00"})
    assert isinstance(fill(RING, {}, "gone", "x", clock), Invalid)
    unclear = fill(RING, {"text": "tea"}, "at", "soon", clock)
    assert isinstance(unclear, Invalid)


def test_one_answer_may_hold_time_and_text(clock: Clock) -> None:
    expected = {"at": "2026-11-22T10:20:00+08:00", "text": "开会"}
    for name in ("at", "text"):
        result = fill(RING, {}, name, "20分钟后开会", clock)
        assert isinstance(result, Bound)
        assert result.values == expected


def test_the_answer_to_a_text_is_taken_whole(clock: Clock) -> None:
    result = fill(RING, {"at": "2026-11-22T10:20:00+08:00"}, "text", "  at 20分钟后 \n x", clock)
    assert isinstance(result, Bound)
    assert result.values["text"] == "at 20分钟后 \n x"


def test_a_phrase_names_its_texts(clock: Clock) -> None:
    assert read_named(ORDER, {"count": " 3 "}, clock) == Bound({"count": 3})
    assert isinstance(read_named(ORDER, {"count": "many"}, clock), Invalid)


@pytest.mark.parametrize(
    "given_values",
    [{"count": "3"}, {"count": True}, {"count": 3.5}, {"count": 3, "milk": 1}, {"count": None}],
)
def test_json_of_another_kind_is_refused(given_values: dict[str, Any]) -> None:
    assert isinstance(check(ORDER, given_values), Invalid)
    with pytest.raises(BadParameters):
        call_values(ORDER, given_values)


def test_json_is_checked_like_words() -> None:
    assert check(ORDER, {"count": 3, "size": "l"}) == Bound({"count": 3, "size": "l"})
    assert isinstance(check(ORDER, {}), Missing)
    assert isinstance(check(NOTE, {"at": "2026-11-22T10:20:00", "text": "x"}), Invalid)
    assert isinstance(check(NOTE, {"again": {"cron": "* * *"}, "text": "x"}), Invalid)


def test_a_call_without_what_it_needs_is_refused() -> None:
    with pytest.raises(BadParameters) as raised:
        call_values(ORDER, {})
    assert raised.value.text("zh-hans") == "count：没有给出"
    assert raised.value.text("en") == "count: is missing"


def test_values_for_the_call_are_typed() -> None:
    stored = {"count": 3, "size": "l"}
    assert call_values(ORDER, stored) == {"count": 3, "size": Size.LARGE}
    moment = call_values(NOTE, {"at": "2026-11-22T10:20:00+08:00"})["at"]
    assert moment == datetime(2026, 11, 22, 10, 20, tzinfo=SHANGHAI)


@pytest.mark.parametrize(
    ("text", "start", "end", "left"),
    [
        ("提醒我明天开会", 3, 5, "提醒我开会"),
        ("明天，开会", 0, 2, "开会"),
        ("call Bob tomorrow", 9, 17, "call Bob"),
        ("call, tomorrow, Bob", 6, 14, "call Bob"),
    ],
)
def test_taking_a_phrase_out(text: str, start: int, end: int, left: str) -> None:
    assert without(text, start, end) == left


def _no_time(text: str, now: datetime) -> None:
    return None


@given(st.text(max_size=80), st.sampled_from([ORDER, NOTE, RING]))
def test_any_text_binds_to_something_that_can_be_stored(
    tail: str, parameters: tuple[Parameter, ...]
) -> None:
    result = typed(parameters, tail, Clock(NOW, SHANGHAI, _no_time))
    if not isinstance(result, Invalid):
        assert json.loads(json.dumps(result.values)) == result.values
        call_values([p for p in parameters if p.name in result.values], result.values)
