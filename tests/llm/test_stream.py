"""Answers as they come."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator

import pytest

from apps.llm import chat
from apps.llm.errors import BadAnswer, Network, Overloaded, Timeout
from apps.llm.shapes import Piece, Usage
from apps.simulate.model import ModelStand, Reply, calls
from apps.simulate.server import Answer
from tests.llm.asking import CANCEL, ask, streamed, target

SSE = {"content-type": "text/event-stream"}


def raw(*parts: bytes, cut: bool = False) -> Answer:
    return Answer(200, None, SSE, parts=[(0.0, part) for part in parts], cut=cut)


async def read(pieces: AsyncIterator[Piece], into: list[str], slowly: float = 0.0) -> None:
    async for piece in pieces:
        into.append(piece.text)
        await asyncio.sleep(slowly)


async def test_pieces_come_while_the_model_speaks(stand: ModelStand) -> None:
    stand.answer = Reply("一二三四五六七八", size=2, pause_s=0.02)
    answer, pieces = await streamed(target(stand), ask())
    assert [piece.text for piece in pieces[:-1]] == ["一二", "三四", "五六", "七八"]
    assert (answer.text, answer.finish) == ("一二三四五六七八", "stop")
    assert answer.usage.known
    assert answer.usage.tokens_out > 0
    assert stand.asked[0]["stream_options"] == {"include_usage": True}


async def test_usage_is_estimated_when_it_is_not_told(stand: ModelStand) -> None:
    stand.answer = Reply("好" * 100, usage=False)
    answer, _ = await streamed(target(stand), ask("问" * 50))
    assert not answer.usage.known
    assert 50 <= answer.usage.tokens_out <= 100
    assert 25 <= answer.usage.tokens_in <= 60


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
async def test_reasoning_is_kept_apart(stand: ModelStand, field: str) -> None:
    stand.answer = Reply({field: "let me see", "content": "42"}, size=3)
    answer, pieces = await streamed(target(stand), ask())
    assert (answer.text, answer.reasoning) == ("42", "let me see")
    assert "".join(piece.reasoning for piece in pieces) == "let me see"
    assert answer.raw is not None
    assert answer.raw[field] == "let me see"


async def test_reasoning_under_both_names_is_said_once(stand: ModelStand) -> None:
    stand.answer = Reply({"reasoning": "hm", "content": "42", "reasoning_content": "hm"})
    assert (await chat.exchange(target(stand), ask())).reasoning == "hm"


async def test_usage_may_stand_in_the_choice(stand: ModelStand) -> None:
    usage = {"prompt_tokens": 7, "completion_tokens": 5}
    last = {"choices": [{"delta": {}, "finish_reason": "stop", "usage": usage}]}
    stand.answer = raw(f"data: {json.dumps(last)}\n\n".encode(), b"data: [DONE]\n\n")
    answer, _ = await streamed(target(stand), ask())
    assert answer.usage == Usage(7, 5)


async def test_thoughts_in_tags_across_pieces(stand: ModelStand) -> None:
    stand.answer = Reply("<think>let me see</think>\n\n42", size=3)
    answer, pieces = await streamed(target(stand), ask())
    assert (answer.text, answer.reasoning) == ("42", "let me see")
    assert "".join(piece.text for piece in pieces) == "42"


async def test_calls_are_put_together_from_their_pieces(stand: ModelStand) -> None:
    stand.answer = Reply(calls(("cancel", {"task_id": 1042}), ("cancel", {"task_id": 7})), size=3)
    answer, pieces = await streamed(target(stand), ask(tools=(CANCEL,)))
    assert [call.arguments for call in answer.calls] == [{"task_id": 1042}, {"task_id": 7}]
    assert answer.finish == "tool_calls"
    assert len(pieces) == 1


async def test_calls_without_an_index_go_by_their_id(stand: ModelStand) -> None:
    def piece(**call: object) -> bytes:
        given = {"choices": [{"delta": {"tool_calls": [call]}}]}
        return f"data: {json.dumps(given)}\n\n".encode()

    stand.answer = raw(
        piece(id="a", function={"name": "cancel", "arguments": '{"task_id"'}),
        piece(function={"arguments": ": 1}"}),
        piece(id="b", function={"name": "cancel", "arguments": '{"task_id": 2}'}),
        b"data: [DONE]\n\n",
    )
    answer, _ = await streamed(target(stand), ask(tools=(CANCEL,)))
    assert [(c.id, c.arguments) for c in answer.calls] == [
        ("a", {"task_id": 1}),
        ("b", {"task_id": 2}),
    ]


async def test_a_call_written_as_text_is_not_shown(stand: ModelStand) -> None:
    stand.answer = Reply('Sure. <tool_call>{"name":"cancel","arguments":{"task_id":3}}</tool_call>')
    answer, pieces = await streamed(target(stand), ask(tools=(CANCEL,)))
    assert answer.calls[0].arguments == {"task_id": 3}
    assert "".join(piece.text for piece in pieces) == "Sure. "


async def test_json_that_is_no_call_is_shown_in_the_end(stand: ModelStand) -> None:
    stand.answer = Reply('{"weather": "fine"}', size=3)
    answer, pieces = await streamed(target(stand), ask(tools=(CANCEL,)))
    assert not answer.calls
    assert "".join(piece.text for piece in pieces) == answer.text == '{"weather": "fine"}'


async def test_a_stream_that_breaks_off_is_an_error(stand: ModelStand) -> None:
    stand.answer = Reply("a long answer", cut_after=3)
    seen: list[str] = []
    with pytest.raises(Network):
        await read(chat.stream(target(stand), ask()), seen)
    assert "".join(seen)


async def test_a_stream_that_just_ends_is_an_error(stand: ModelStand) -> None:
    stand.answer = Reply("half", finish=None, done=False, usage=False)
    with pytest.raises(Network):
        await streamed(target(stand), ask())


async def test_a_reason_is_end_enough_and_so_is_done(stand: ModelStand) -> None:
    for reply in (Reply("all", done=False), Reply("all", finish=None)):
        stand.answer = reply
        answer, _ = await streamed(target(stand), ask())
        assert answer.text == "all"


async def test_an_error_inside_the_stream(stand: ModelStand) -> None:
    stand.answer = Reply("half", fault={"error": {"message": "busy", "code": "server_error"}})
    with pytest.raises(Overloaded):
        await streamed(target(stand), ask())


async def test_what_is_no_json_is_an_error(stand: ModelStand) -> None:
    stand.answer = raw(b"data: {half\n\n", b"data: [DONE]\n\n")
    with pytest.raises(BadAnswer):
        await streamed(target(stand), ask())


@pytest.mark.parametrize("chunk", [b'{"choices": [7]}', b'{"choices": 7}', b"[]", b'"x"'])
async def test_another_shape_is_an_error(stand: ModelStand, chunk: bytes) -> None:
    stand.answer = raw(b"data: " + chunk + b"\n\n", b"data: [DONE]\n\n")
    with pytest.raises(BadAnswer):
        await streamed(target(stand), ask())


async def test_a_server_that_does_not_stream_gives_one_piece(stand: ModelStand) -> None:
    whole = {"choices": [{"message": {"content": "all"}, "finish_reason": "stop"}]}
    stand.answer = Answer(200, whole)
    answer, pieces = await streamed(target(stand), ask())
    assert answer.text == "all"
    assert len(pieces) == 2


async def test_the_deadline_holds_for_a_stream_that_drips(stand: ModelStand) -> None:
    stand.answer = Reply("x" * 400, pause_s=0.05)
    begun = time.monotonic()
    with pytest.raises(Timeout):
        await streamed(target(stand), ask(timeout=0.3))
    assert time.monotonic() - begun < 2
    assert await asyncio.to_thread(stand.wait, lambda: stand.gone == 1, 2)


async def test_the_deadline_strikes_the_call_and_not_who_reads(stand: ModelStand) -> None:
    stand.answer = Reply("x" * 400, pause_s=0.01)
    seen: list[str] = []
    with pytest.raises(Timeout):
        await read(chat.stream(target(stand), ask(timeout=0.2)), seen, slowly=0.05)
    assert len(seen) > 5  # also what came before, and was read after it


async def test_leaving_closes_the_connection_at_once(stand: ModelStand) -> None:
    stand.answer = Reply("x" * 4000, pause_s=0.02)
    begun = time.monotonic()
    async with contextlib.aclosing(chat.stream(target(stand), ask())) as pieces:
        async for _ in pieces:
            break
    assert time.monotonic() - begun < 5  # the deadline is at 10
    assert await asyncio.to_thread(stand.wait, lambda: stand.gone == 1, 2)


async def test_leaving_a_slow_readers_stream_closes_it_too(stand: ModelStand) -> None:
    """Then the reading has stopped, since too much waits."""
    stand.answer = Reply("x" * 4000)
    begun = time.monotonic()
    async with contextlib.aclosing(chat.stream(target(stand), ask())) as pieces:
        async for _ in pieces:
            await asyncio.sleep(0.2)
            break
    assert time.monotonic() - begun < 5


async def test_cancelling_closes_the_connection_at_once(stand: ModelStand) -> None:
    stand.delay_s = 0.5
    task = asyncio.create_task(chat.exchange(target(stand), ask()))
    assert await asyncio.to_thread(stand.wait, lambda: bool(stand.asked))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(stand.wait, lambda: stand.gone == 1, 2)


async def test_two_hundred_streams_at_once(stand: ModelStand) -> None:
    stand.answer = Reply("x" * 40, first_s=0.5, pause_s=0.01)
    begun, used = time.monotonic(), time.process_time()
    found = await asyncio.gather(*(streamed(target(stand), ask()) for _ in range(200)))
    assert {answer.text for answer, _ in found} == {"x" * 40}
    assert time.process_time() - used < 4  # both sides together; each alone takes 0.6 s
    assert time.monotonic() - begun < 15
