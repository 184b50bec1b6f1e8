"""Whole answers: what is in them, what they cost, what may be wrong with them."""

from __future__ import annotations

import time

import pytest

from apps.core.crypto import Secret
from apps.llm import chat
from apps.llm.errors import (
    Auth,
    BadAnswer,
    BadRequest,
    ContentOut,
    Cut,
    Network,
    Overloaded,
    Timeout,
    TooLong,
)
from apps.llm.shapes import Ask, Picture, Turn, Usage, system, user
from apps.llm.target import Target
from apps.simulate.model import KEY, ModelStand, Reply, calls
from apps.simulate.server import Answer
from tests.llm.asking import CANCEL, PING, SCHEMA, ask, target


async def test_a_whole_answer(stand: ModelStand) -> None:
    stand.answer = Reply({"content": "42", "reasoning_content": "hm", "odd": 1})
    answer = await chat.exchange(target(stand), ask("what?", stop=("END",), max_tokens=9))
    assert (answer.text, answer.reasoning, answer.finish) == ("42", "hm", "stop")
    assert answer.raw == {
        "role": "assistant", "content": "42", "reasoning_content": "hm", "odd": 1,
    }  # fmt: skip
    assert answer.usage.known
    body = stand.asked[0]
    assert (body["max_tokens"], body["temperature"], body["stop"]) == (9, 0.0, ["END"])
    assert "stream" not in body


async def test_a_missing_reason_is_a_stop(stand: ModelStand) -> None:
    stand.answer = Reply("42", finish=None)
    assert (await chat.exchange(target(stand), ask())).finish == "stop"


async def test_a_cut_text_is_flagged(stand: ModelStand) -> None:
    stand.answer = Reply("a long", finish="length")
    assert (await chat.exchange(target(stand), ask())).finish == "length"


@pytest.mark.parametrize("text", ['{"city": "Beijing", "days": 1', '{"city": "B", "days": 10}'])
async def test_cut_json_is_never_taken_for_good(stand: ModelStand, text: str) -> None:
    """Not even when it parses: `10` may have been going to be `100`."""
    stand.answer = Reply(text, finish="length")
    with pytest.raises(Cut) as caught:
        await chat.exchange(target(stand), ask(schema=SCHEMA))
    assert caught.value.usage is not None
    assert caught.value.usage.tokens_out > 0
    assert "1024" in caught.value.text("en")


async def test_a_cut_call_is_an_error(stand: ModelStand) -> None:
    made = calls(("cancel", {"task_id": 1}), ("cancel", {"task_id": 2}))
    made["tool_calls"][1]["function"]["arguments"] = '{"task_'
    stand.answer = Reply(made, finish="length")
    with pytest.raises(Cut):
        await chat.exchange(target(stand), ask(tools=(CANCEL,)))


async def test_thoughts_that_used_up_everything_are_an_error(stand: ModelStand) -> None:
    stand.answer = Reply({"content": "", "reasoning_content": "well"}, finish="length")
    with pytest.raises(Cut):
        await chat.exchange(target(stand), ask())


@pytest.mark.parametrize("reason", ["content_filter", "sensitive"])
async def test_a_blocked_answer(stand: ModelStand, reason: str) -> None:
    stand.answer = Reply("so f", finish=reason)
    with pytest.raises(ContentOut) as caught:
        await chat.exchange(target(stand), ask())
    assert not caught.value.passes
    assert caught.value.usage is not None


@pytest.mark.parametrize("reason", ["network_error", "insufficient_system_resource", "abort"])
async def test_a_broken_answer(stand: ModelStand, reason: str) -> None:
    stand.answer = Reply("so f", finish=reason)
    with pytest.raises(Overloaded):
        await chat.exchange(target(stand), ask())


@pytest.mark.parametrize("body", [{}, [], {"choices": []}, {"choices": None}, b"<html>", b""])
async def test_another_shape_is_an_error(stand: ModelStand, body: object) -> None:
    stand.answer = Answer(200, body)
    with pytest.raises(BadAnswer):
        await chat.exchange(target(stand), ask())


async def test_an_endless_answer_is_an_error(
    stand: ModelStand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.llm.wire.calling.MAX_ANSWER", 10_000)
    stand.answer = "x" * 20_000
    with pytest.raises(BadAnswer):
        await chat.exchange(target(stand), ask())


async def test_the_deadline(stand: ModelStand) -> None:
    stand.delay_s = 1
    begun = time.monotonic()
    with pytest.raises(Timeout):
        await chat.exchange(target(stand, timeout=0.2), ask(timeout=60))
    assert time.monotonic() - begun < 2


async def test_the_deadline_is_for_all_requests_together(stand: ModelStand) -> None:
    stand.delay_s = 0.3
    stand.answer = "no json"
    with pytest.raises(Timeout):
        await chat.exchange(target(stand), ask(schema=SCHEMA, timeout=0.5))
    assert len(stand.asked) == 2


async def test_nobody_there(stand: ModelStand) -> None:
    stand.go_down()
    with pytest.raises(Network):
        await chat.exchange(target(stand), ask())


async def test_an_address_that_may_not_be_called() -> None:
    metadata = Target("m", "custom", "http://169.254.169.254/v1", "m", Secret(""))
    with pytest.raises(BadRequest):
        await chat.exchange(metadata, ask())


async def test_a_reset_connection(stand: ModelStand) -> None:
    stand.fail("/chat/completions", "reset")
    with pytest.raises(Network):
        await chat.exchange(target(stand), ask())


async def test_a_conversation_with_calls(stand: ModelStand) -> None:
    stand.answer = calls(("cancel", {"task_id": 1}))
    first = await chat.exchange(target(stand), ask(tools=(CANCEL,)))
    stand.answer = "done"
    said = Turn("assistant", first.text, first.calls, raw=first.raw)
    result = Turn("tool", "cancelled", call_id=first.calls[0].id)
    await chat.exchange(target(stand), Ask((user("cancel 1"), said, result), (CANCEL,)))
    _, assistant, tool = stand.asked[1]["messages"]
    assert assistant["tool_calls"] == calls(("cancel", {"task_id": 1}))["tool_calls"]
    assert tool == {"role": "tool", "tool_call_id": "call_0", "content": "cancelled"}


async def test_calls_that_came_as_text_go_back_as_calls(stand: ModelStand) -> None:
    stand.answer = '{"name": "cancel", "arguments": {"task_id": 1}}'
    first = await chat.exchange(target(stand), ask(tools=(CANCEL,)))
    said = Turn("assistant", first.text, first.calls, raw=first.raw)
    result = Turn("tool", "cancelled", call_id=first.calls[0].id)
    stand.answer = "done"
    await chat.exchange(target(stand), Ask((user("cancel 1"), said, result), (CANCEL,)))
    _, assistant, tool = stand.asked[1]["messages"]
    assert assistant["tool_calls"][0]["id"] == tool["tool_call_id"]
    assert assistant["content"] is None


async def test_a_model_without_tools_reads_calls_as_words(stand: ModelStand) -> None:
    stand.answer = calls(("cancel", {"task_id": 1}))
    first = await chat.exchange(target(stand), ask(tools=(CANCEL,)))
    said = Turn("assistant", "", first.calls, raw=first.raw)
    result = Turn("tool", "cancelled", call_id=first.calls[0].id)
    stand.answer = "done"
    await chat.exchange(target(stand, tools=False), Ask((user("cancel 1"), said, result)))
    roles = [message["role"] for message in stand.asked[1]["messages"]]
    assert roles == ["user", "assistant", "user"]
    assert '"task_id":1' in stand.asked[1]["messages"][1]["content"]


async def test_pictures_go_as_data(stand: ModelStand) -> None:
    question = Ask((Turn("user", "what is it?", pictures=(Picture(b"\x89PNG", "image/png"),)),))
    await chat.exchange(target(stand, vision=True), question)
    assert stand.asked[0]["messages"][0]["content"] == [
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw=="}},
        {"type": "text", "text": "what is it?"},
    ]


async def test_a_blind_model_gets_no_pictures(stand: ModelStand) -> None:
    question = Ask((Turn("user", "what is it?", pictures=(Picture(b"\x89PNG", "image/png"),)),))
    with pytest.raises(BadRequest) as caught:
        await chat.exchange(target(stand), question)
    assert "图片" in caught.value.text("zh")
    assert not stand.asked


async def test_without_choice_a_written_call_is_just_text(stand: ModelStand) -> None:
    stand.answer = '{"name": "cancel", "arguments": {"task_id": 1}}'
    answer = await chat.exchange(target(stand), ask(tools=(CANCEL, PING), choice="none"))
    assert not answer.calls
    assert stand.asked[0]["tool_choice"] == "none"


async def test_the_key_is_sent_and_shown_to_nobody(stand: ModelStand) -> None:
    stand.key = "sk-quite-another-key-0123"
    with pytest.raises(Exception, match="401") as caught:
        await chat.exchange(target(stand, key="sk-the-wrong-key-012345"), ask())
    assert "wrong-key" not in str(caught.value)
    assert "wrong-key" not in repr(target(stand, key="sk-the-wrong-key-012345"))


async def test_a_key_is_taken_as_it_was_pasted(stand: ModelStand) -> None:
    assert (await chat.exchange(target(stand, key=f" {KEY}\n"), ask())).text == "pong"
    with pytest.raises(Auth):
        await chat.exchange(target(stand, key="密钥"), ask())


async def test_a_question_that_would_be_cut_off_is_not_sent(stand: ModelStand) -> None:
    with pytest.raises(TooLong):
        await chat.exchange(target(stand, context=100), ask("很长" * 100))
    assert not stand.asked
    await chat.exchange(target(stand, context=100), ask("不长"))


async def test_usage_of_every_turn_is_counted(stand: ModelStand) -> None:
    stand.answers = ["nonsense", '{"city": "Beijing", "days": 2}']
    answer = await chat.exchange(target(stand), ask(schema=SCHEMA))
    single = await chat.exchange(target(stand), ask())
    assert answer.usage.tokens_in > 2 * single.usage.tokens_in
    assert isinstance(answer.usage, Usage)


async def test_again_is_told_before_further_requests_only(stand: ModelStand) -> None:
    told: list[int] = []

    async def again() -> None:
        told.append(len(stand.asked))

    stand.answers = ["nonsense", '{"city": "Beijing", "days": 2}']
    await chat.exchange(target(stand), ask(schema=SCHEMA), again)
    assert told == [1]


async def test_system_turns_stay_where_they_are(stand: ModelStand) -> None:
    await chat.exchange(target(stand), Ask((system("a"), user("b"), system("c"))))
    assert [m["role"] for m in stand.asked[0]["messages"]] == ["system", "user", "system"]
