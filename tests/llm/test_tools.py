"""Tool calls: proper ones, written ones, broken ones, and those that have to be asked for again."""

from __future__ import annotations

import json

import pytest

from apps.llm import chat
from apps.llm.errors import BadAnswer
from apps.llm.shapes import ToolCall
from apps.llm.wire import toolcalls
from apps.simulate.model import ModelStand, Reply, calls
from tests.llm.asking import CANCEL, PING, ask, streamed, target

GOOD = {"name": "cancel", "arguments": {"task_id": 1042}}
WRITTEN = json.dumps(GOOD)


@pytest.mark.parametrize(
    "text",
    [
        WRITTEN,
        f"[{WRITTEN}]",
        f"```json\n{WRITTEN}\n```",
        f"I will do that:\n```\n{WRITTEN}\n```",
        f"<tool_call>\n{WRITTEN}\n</tool_call>",
        f"<tool_call>{WRITTEN}",
        json.dumps({"name": "cancel", "parameters": {"task_id": 1042}}),
        json.dumps({"type": "function", "function": GOOD}),
        json.dumps({"name": "cancel", "arguments": '{"task_id": 1042}'}),
    ],
)
async def test_a_call_that_was_written_as_text(stand: ModelStand, text: str) -> None:
    stand.answer = text
    answer = await chat.exchange(target(stand), ask(tools=(CANCEL, PING)))
    assert [(call.name, call.arguments) for call in answer.calls] == [("cancel", {"task_id": 1042})]
    assert answer.finish == "tool_calls"
    assert answer.calls[0].id
    assert "1042" not in answer.text


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"name": "delete_all", "arguments": {}}),
        json.dumps({"name": "cancel", "arguments": {}}),
        json.dumps({"name": "cancel", "arguments": {"task_id": "the last"}}),
        json.dumps({"task_id": 1042}),
        f"They say {WRITTEN} cancels it.",
        "```json\n{}\n```",
    ],
)
async def test_other_json_is_an_answer(stand: ModelStand, text: str) -> None:
    stand.answer = text
    answer = await chat.exchange(target(stand), ask(tools=(CANCEL, PING)))
    assert (answer.calls, answer.text) == ((), text)
    assert len(stand.asked) == 1


async def test_bare_arguments_count_when_the_tool_was_named(stand: ModelStand) -> None:
    stand.answer = '{"task_id": 5}'
    answer = await chat.exchange(target(stand), ask(tools=(CANCEL, PING), choice="cancel"))
    assert answer.calls[0].arguments == {"task_id": 5}


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("", {}),
        (None, {}),
        ("null", {}),
        ('{"a": 1}', {"a": 1}),
        ({"a": 1}, {"a": 1}),
        ('"{\\"a\\": 1}"', {"a": 1}),
        ('```json\n{"a": 1}\n```', {"a": 1}),
        ('{"a": 1} and so on', {"a": 1}),
        ("[1]", None),
        ("{'a': 1}", None),
        ('{"a": 1', None),
        (7, None),
    ],
)
def test_arguments_are_mended_where_they_can_be(given: object, meant: object) -> None:
    assert toolcalls.arguments(given) == meant


async def test_missing_arguments_are_the_askers_business(stand: ModelStand) -> None:
    stand.answer = calls(("cancel", {}))
    answer = await chat.exchange(target(stand), ask(tools=(CANCEL,)))
    assert answer.calls == (ToolCall("cancel", {}, "call_0"),)


async def test_a_call_of_what_was_not_offered_is_handed_on(stand: ModelStand) -> None:
    """Left out, it would make another proposal of what stands beside it."""
    stand.answers = [calls(("delete_all", {}), ("cancel", {"task_id": 2}))]
    answer = await chat.exchange(target(stand), ask(tools=(CANCEL,)))
    assert [one.name for one in answer.calls] == ["delete_all", "cancel"]
    assert len(stand.asked) == 1


async def test_broken_arguments_that_stay_broken_are_an_error(stand: ModelStand) -> None:
    made = calls(("cancel", {}))
    made["tool_calls"][0]["function"]["arguments"] = "{task: one}"
    stand.answers = [made, '{"skill": "none", "arguments": {}}']
    with pytest.raises(BadAnswer) as caught:
        await chat.exchange(target(stand), ask(tools=(CANCEL,)))
    assert caught.value.usage is not None
    assert len(stand.asked) == 2


async def test_a_weak_model_is_asked_for_json(stand: ModelStand) -> None:
    chosen = json.dumps({"skill": "cancel", "arguments": {"task_id": 3}})
    stand.answers = ["I cancelled it!", chosen]
    answer = await chat.exchange(target(stand, weak_tools=True), ask(tools=(CANCEL, PING)))
    assert answer.calls[0].arguments == {"task_id": 3}
    assert answer.text == ""
    second = stand.asked[1]
    assert "tools" not in second
    schema = second["response_format"]["json_schema"]["schema"]
    assert schema["properties"]["skill"]["enum"] == ["cancel", "ping", "none"]
    assert "Cancels a task." in second["messages"][0]["content"]


async def test_a_weak_model_may_say_that_nothing_fits(stand: ModelStand) -> None:
    stand.answers = ["It is sunny.", '{"skill": "none", "arguments": {}}']
    answer = await chat.exchange(target(stand, weak_tools=True), ask(tools=(CANCEL,)))
    assert (answer.calls, answer.text) == ((), "It is sunny.")


@pytest.mark.parametrize(
    "second",
    [
        '{"skill": "cancel", "arguments": {}}',
        '{"skill": "drop", "arguments": {}}',
        "cancel it is",
        Reply('{"skill": "cancel", "arg', finish="length"),
    ],
)
async def test_a_guess_that_does_not_fit_is_no_call(stand: ModelStand, second: object) -> None:
    stand.answers = ["It is sunny.", second]  # type: ignore[list-item]
    answer = await chat.exchange(target(stand, weak_tools=True), ask(tools=(CANCEL,)))
    assert (answer.calls, answer.text) == ((), "It is sunny.")


async def test_a_strong_model_is_believed(stand: ModelStand) -> None:
    stand.answer = "It is sunny."
    answer = await chat.exchange(target(stand), ask(tools=(CANCEL,)))
    assert answer.text == "It is sunny."
    assert len(stand.asked) == 1


@pytest.mark.parametrize("choice", ["required", "cancel"])
async def test_a_call_that_is_a_must_is_asked_for_again(stand: ModelStand, choice: str) -> None:
    chosen = json.dumps({"skill": "cancel", "arguments": {"task_id": 4}})
    stand.answers = ["Fine.", chosen]
    answer = await chat.exchange(target(stand), ask(tools=(CANCEL, PING), choice=choice))
    assert answer.calls[0].arguments == {"task_id": 4}
    skills = stand.asked[1]["response_format"]["json_schema"]["schema"]["properties"]["skill"]
    assert "none" not in skills["enum"]


async def test_a_must_that_never_comes_is_an_error(stand: ModelStand) -> None:
    stand.answer = "Fine."
    with pytest.raises(BadAnswer):
        await chat.exchange(target(stand), ask(tools=(CANCEL,), choice="required"))


async def test_without_tools_the_schema_comes_first(stand: ModelStand) -> None:
    stand.answers = ['{"skill": "cancel", "arguments": {"task_id": 6}}']
    answer = await chat.exchange(target(stand, tools=False), ask(tools=(CANCEL,)))
    assert answer.calls[0].arguments == {"task_id": 6}
    assert "tools" not in stand.asked[0]


async def test_without_tools_and_without_need_it_just_answers(stand: ModelStand) -> None:
    stand.answers = ['{"skill": "none", "arguments": {}}', "It is sunny."]
    answer, pieces = await streamed(target(stand, tools=False), ask(tools=(CANCEL,)))
    assert answer.text == "It is sunny."
    assert len(pieces) > 2
    assert "Cancels" not in str(stand.asked[1]["messages"])


@pytest.mark.parametrize(
    ("known", "choice", "sent", "offered"),
    [
        (["required", "named"], "required", "required", 2),
        (["named"], "required", None, 2),
        (["named"], "ping", {"type": "function", "function": {"name": "ping"}}, 2),
        (["required"], "ping", "required", 1),
        ([], "ping", None, 1),
        ([], "none", None, 0),
        (["none"], "none", "none", 2),
        (["none", "required", "named"], "auto", None, 2),
    ],
)
async def test_the_choice_is_said_in_words_that_the_model_knows(
    stand: ModelStand, known: list[str], choice: str, sent: object, offered: int
) -> None:
    stand.answer = "ok" if choice in {"auto", "none"} else calls(("ping", {}))
    where = target(stand, tool_choices=known)
    await chat.exchange(where, ask(tools=(CANCEL, PING), choice=choice))
    assert stand.asked[0].get("tool_choice") == sent
    assert len(stand.asked[0].get("tools", ())) == offered
