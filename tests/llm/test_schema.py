"""Answers as JSON of a schema."""

from __future__ import annotations

import time
from typing import Any

import pytest

from apps.llm import chat
from apps.llm.errors import BadAnswer
from apps.llm.wire import schemas
from apps.simulate.model import ModelStand
from apps.simulate.model_vendors import openai_error
from tests.llm.asking import SCHEMA, ask, streamed, target

FITS = '{"city": "北京", "days": 2}'


@pytest.mark.parametrize(
    "text", [FITS, f"```json\n{FITS}\n```", f"Here it is: {FITS}.", f"<think>hm</think>{FITS}"]
)
async def test_the_data_is_checked_and_given(stand: ModelStand, text: str) -> None:
    stand.answer = text
    answer = await chat.exchange(target(stand), ask(schema=SCHEMA))
    assert answer.data == {"city": "北京", "days": 2}
    assert stand.asked[0]["response_format"] == {
        "type": "json_schema", "json_schema": {"name": "answer", "schema": SCHEMA},
    }  # fmt: skip


async def test_what_does_not_fit_is_sent_back_once(stand: ModelStand) -> None:
    stand.answers = ['{"city": "北京", "days": 0}', FITS]
    answer, _ = await streamed(target(stand), ask(schema=SCHEMA))
    assert answer.data == {"city": "北京", "days": 2}
    *_, said, told = stand.asked[1]["messages"]
    assert said == {"role": "assistant", "content": '{"city": "北京", "days": 0}'}
    assert "days" in told["content"]
    assert "minimum" in told["content"]


async def test_what_never_fits_is_an_error(stand: ModelStand) -> None:
    stand.answer = '{"city": 1}'
    with pytest.raises(BadAnswer) as caught:
        await chat.exchange(target(stand), ask(schema=SCHEMA))
    assert len(stand.asked) == 2
    assert caught.value.usage is not None


@pytest.mark.parametrize(("able", "sent"), [("object", {"type": "json_object"}), ("none", None)])
async def test_less_able_models_read_the_schema(
    stand: ModelStand, able: str, sent: dict[str, Any] | None
) -> None:
    stand.answer = FITS
    answer = await chat.exchange(target(stand, json=able), ask(schema=SCHEMA))
    assert answer.data["days"] == 2
    assert stand.asked[0].get("response_format") == sent
    told = stand.asked[0]["messages"][0]
    assert told["role"] == "system"
    assert "JSON" in told["content"]
    assert '"minimum":1' in told["content"]


async def test_a_refused_format_is_asked_without(stand: ModelStand) -> None:
    def answer(body: dict[str, Any]) -> Any:
        refused = openai_error(400, "response_format is not supported by this model")
        return refused if "response_format" in body else FITS

    stand.answer = answer
    assert (await chat.exchange(target(stand), ask(schema=SCHEMA))).data["days"] == 2
    found, _ = await streamed(target(stand), ask(schema=SCHEMA))
    assert found.data["days"] == 2


async def test_a_server_that_always_refuses_is_not_asked_for_ever(stand: ModelStand) -> None:
    stand.answer = openai_error(400, "response_format is not supported by this model")
    with pytest.raises(Exception, match="response_format"):
        await chat.exchange(target(stand), ask(schema=SCHEMA))
    assert len(stand.asked) == 2


@pytest.mark.parametrize(
    ("value", "schema", "found"),
    [
        ({"a": 1}, {"type": "object", "required": ["a"]}, ""),
        ({}, {"type": "object", "required": ["a"]}, "'a' is a required property"),
        ({"a": {"b": "x"}}, {"properties": {"a": {"properties": {"b": {"enum": ["y"]}}}}}, "a/b:"),
        (1, {"type": "nonsense"}, "the schema itself is broken"),
        (1, {"$ref": "http://127.0.0.1:9/schema.json"}, "the schema itself is broken"),
        ("x", {"pattern": "("}, "the schema itself is broken"),
    ],
)
def test_what_stands_against_a_value(value: Any, schema: dict[str, Any], found: str) -> None:
    problem = schemas.problem(value, schema)
    assert found in problem
    assert bool(problem) == bool(found)


def test_a_schema_fetches_nothing(stand: ModelStand) -> None:
    problem = schemas.problem(1, {"$ref": f"{stand.url}/schema.json"})
    assert "broken" in problem
    assert stand.calls == []


DOUBLING = {f"a{n}": {"allOf": [{"$ref": f"#/$defs/a{n + 1}"}] * 2} for n in range(40)}


@pytest.mark.parametrize(
    ("value", "schema"),
    [
        ("a" * 60 + "!", {"type": "string", "pattern": "^(a+)+$"}),
        ({"a" * 60 + "!": 1}, {"patternProperties": {"^(a+)+$": {}}, "additionalProperties": {}}),
        (1, {"$ref": "#"}),
        (1, {"$ref": "#/$defs/a0", "$defs": {**DOUBLING, "a40": {}}}),
        ([1] * 100_000, {"items": {"allOf": [{"type": "integer"}] * 100}}),
        ([{"a": n} for n in range(100_000)], {"uniqueItems": True, "items": {"required": ["b"]}}),
        ({}, {"properties": {f"p{n}": {"type": "string"} for n in range(50_000)}}),
        ("x", {"pattern": "(?=x)"}),
    ],
)  # fmt: skip
def test_no_schema_keeps_a_check_busy(value: Any, schema: dict[str, Any]) -> None:
    began = time.process_time()
    assert schemas.problem(value, schema)
    assert time.process_time() - began < 3


def test_what_schemas_usually_say_is_checked() -> None:
    told = {"type": "array", "uniqueItems": True, "items": {"$ref": "#/$defs/code"},
            "$defs": {"code": {"type": "string", "pattern": r"^[A-Z]{2}\d+$"}}}  # fmt: skip
    assert not schemas.problem(["AB1", "CD23"], told)
    assert schemas.problem(["AB1", "ab2"], told).startswith("1:")
    assert "twice" in schemas.problem(["AB1", "AB1"], told)
