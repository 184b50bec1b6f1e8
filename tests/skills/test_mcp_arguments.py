"""From JSON Schema to typed parameters, and back to what a tool is sent."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from apps.skills.mcp.arguments import Unfit, arguments_of, own_name, values_for
from apps.skills.parameters import Bound, Invalid, check

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "limit": {"type": "integer", "minimum": 1, "maximum": 50, "description": "How\u200b many."},
        "sendTo": {"type": "string", "maxLength": 10},
        "ratio": {"type": "number", "exclusiveMinimum": 0},
        "dry-run": {"type": "boolean", "default": True},
        "tone": {"enum": ["kind", "plain"]},
        "since": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "count": {"type": ["integer", "null"]},
        "filter": {"type": "object", "properties": {"a": {"type": "string"}}},
        "level": {"enum": [1, 2]},
    },
    "required": ["sendTo", "tone"],
}


def made(schema: dict[str, Any] = SCHEMA, *, abroad: bool = False) -> dict[str, Any]:
    return {one.parameter.name: one for one in arguments_of(schema, abroad=abroad)}


def test_each_kind_finds_its_parameter() -> None:
    found = made()
    assert list(found)[:2] == ["send_to", "tone"]  # what is required comes first
    kinds = {name: (one.parameter.kind, one.as_json) for name, one in found.items()}
    assert kinds == {
        "send_to": ("text", False),
        "tone": ("choice", False),
        "limit": ("int", False),
        "ratio": ("float", False),
        "dry_run": ("bool", False),
        "since": ("text", False),
        "count": ("int", False),
        "filter": ("text", True),
        "level": ("text", True),
    }
    assert found["limit"].parameter.about == "How many."
    assert found["send_to"].name == "sendTo"


@pytest.mark.parametrize(
    ("given", "right"),
    [
        ({"send_to": "x", "tone": "kind"}, True),
        ({"send_to": "x", "tone": "kind", "limit": 50, "ratio": 0.5, "dry_run": False}, True),
        ({"send_to": "x", "tone": "kind", "since": None}, True),
        ({"send_to": "x" * 11, "tone": "kind"}, False),
        ({"send_to": "x", "tone": "rude"}, False),
        ({"send_to": "x", "tone": "kind", "limit": 51}, False),
        ({"send_to": "x", "tone": "kind", "limit": "5"}, False),
        ({"send_to": "x", "tone": "kind", "ratio": 0}, False),
        ({"send_to": "x", "tone": "kind", "sendTo": "y"}, False),
    ],
)
def test_values_are_checked_as_the_schema_wants(given: dict[str, Any], right: bool) -> None:
    arguments = arguments_of(SCHEMA, abroad=False)
    found = check([one.parameter for one in arguments], given)
    assert isinstance(found, Bound) is right
    assert isinstance(found, Invalid) is not right
    if right:
        sent, _ = values_for(arguments, given)
        Draft202012Validator(SCHEMA).validate(sent)
        assert sent["sendTo"] == "x"


def test_json_text_is_sent_as_what_it_means() -> None:
    sent, _ = values_for(arguments_of(SCHEMA, abroad=False), {"filter": '{"a": "b"}', "level": "2"})
    assert sent == {"filter": {"a": "b"}, "level": 2}


def test_the_only_text_is_all_that_is_typed() -> None:
    one = {"type": "object", "properties": {"query": {"type": "string"}}}
    assert not made(one)["query"].parameter.rest
    assert made({**one, "required": ["query"]})["query"].parameter.rest
    assert not made()["send_to"].parameter.rest


def test_what_could_hurt_is_guarded() -> None:
    names = ["target_url", "to", "bcc", "userEmail", "sql", "amount", "query"]
    schema = {"type": "object", "properties": {name: {"type": "string"} for name in names}}
    ours = {name: one.parameter.guard for name, one in made(schema).items()}
    assert ours == {
        "target_url": "url", "to": "recipient", "bcc": "recipient", "user_email": "recipient",
        "sql": "command", "amount": "amount", "query": "",
    }  # fmt: skip
    # What a server that is not ours is told has left the house, whatever it is called.
    assert made(schema, abroad=True)["query"].parameter.guard == "recipient"


@pytest.mark.parametrize(
    ("name", "own"), [("maxResults", "max_results"), ("dry-run", "dry_run"), ("A", "a")]
)
def test_names_that_can_be_typed(name: str, own: str) -> None:
    assert own_name(name) == own


@pytest.mark.parametrize("name", ["", "1st", "\u0430", "名字", "x" * 41, "$", "a\u200b"])
def test_names_that_cannot(name: str) -> None:
    with pytest.raises(Unfit):
        own_name(name)


def test_parameters_in_headers() -> None:
    schema = {
        "type": "object",
        "properties": {
            "region": {"type": "string", "x-mcp-header": "Region"},
            "tenant": {"type": "integer", "x-mcp-header": "Tenant"},
        },
        "required": ["region"],
    }
    arguments = arguments_of(schema, abroad=False)
    _, headers = values_for(arguments, {"region": "华东", "tenant": 7})
    assert headers == {"Mcp-Param-Region": "=?base64?5Y2O5Lic?=", "Mcp-Param-Tenant": "7"}
    bad = {**schema, "properties": {"a": {"type": "string", "x-mcp-header": "A\r\nB"}}}
    with pytest.raises(Unfit):
        arguments_of(bad, abroad=False)
