"""The wire beside a real model server: llama.cpp with a model of 135 million parameters.

What it says is nonsense, how it says it is real: HTTP, events, tokens, grammars, cancellation.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterator
from typing import Any

import pytest

from apps.core.crypto import Secret
from apps.llm import chat, probe
from apps.llm.errors import Auth, Cut, Timeout, TooLong
from apps.llm.target import Target
from tests.llm.asking import CANCEL, ask, streamed
from tests.services.llama import MODEL, Llama, Missing

pytestmark = [pytest.mark.stack, pytest.mark.llama]

COLOURS = {
    "type": "object",
    "properties": {"colour": {"enum": ["red", "green"]}, "sure": {"type": "boolean"}},
    "required": ["colour", "sure"],
    "additionalProperties": False,
}
ENDLESS = ask("Write a very long story about a dragon.", max_tokens=3000, temperature=0.8)


@pytest.fixture(scope="module")
def server() -> Iterator[Llama]:
    """One for all tests: loading the model takes a second or two."""
    try:
        running = Llama()
    except Missing as missing:
        pytest.skip(f"no llama.cpp: {missing}")
    yield running
    running.stop()


def where(server: Llama, **more: Any) -> Target:
    given: dict[str, Any] = {"timeout": 50.0, "quirks": {}, "key": Secret(server.key), **more}
    return Target("llama", "llamacpp", server.base_url, MODEL, **given)


async def idle(server: Llama) -> bool:
    """Does it stop to work soon? It looks for callers that left when it had nothing else to answer
    for a second, so that it must not be asked more often than that."""
    for _ in range(4):
        await asyncio.sleep(1.1)
        if not await asyncio.to_thread(server.busy):
            return True
    return False


async def test_a_whole_answer_with_its_tokens(server: Llama) -> None:
    answer = await chat.exchange(where(server), ask("Say hello.", max_tokens=40))
    assert answer.text.strip()
    assert answer.usage.known
    assert 0 < answer.usage.tokens_out <= 40
    assert answer.usage.tokens_in > 5


async def test_a_stream_comes_in_pieces_and_tells_its_tokens(server: Llama) -> None:
    question = ask("Count from one to ten.", max_tokens=40)
    answer, pieces = await streamed(where(server), question)
    assert len(pieces) > 5
    assert "".join(piece.text for piece in pieces) == answer.text
    assert answer.usage.known
    assert len(pieces) - 1 <= answer.usage.tokens_out <= 41
    whole = await chat.exchange(where(server), question)
    assert whole.text == answer.text  # at temperature 0


async def test_the_limit_cuts_and_is_flagged(server: Llama) -> None:
    answer = await chat.exchange(where(server), ask("Tell a story.", max_tokens=8))
    assert answer.finish == "length"
    assert answer.usage.tokens_out == 8


async def test_a_stop_word_stops(server: Llama) -> None:
    free = await chat.exchange(where(server), ask("Tell a story.", max_tokens=40))
    word = free.text.split()[5]
    held = await chat.exchange(where(server), ask("Tell a story.", max_tokens=40, stop=(word,)))
    assert held.finish == "stop"
    assert word not in held.text
    assert free.text.startswith(held.text)


async def test_a_schema_is_kept(server: Llama) -> None:
    answer = await chat.exchange(where(server), ask("Which colour?", schema=COLOURS))
    assert answer.data["colour"] in {"red", "green"}
    pieces, _ = await streamed(where(server), ask("Which colour?", schema=COLOURS))
    assert pieces.data == answer.data


async def test_a_schema_that_is_cut_is_an_error(server: Llama) -> None:
    with pytest.raises(Cut):
        await chat.exchange(where(server), ask("Which?", schema=COLOURS, max_tokens=3))


async def test_a_call_comes_by_the_fallback(server: Llama) -> None:
    question = ask("Cancel task 7.", tools=(CANCEL,), choice="cancel", max_tokens=64)
    answer = await chat.exchange(where(server), question)
    assert isinstance(answer.calls[0].arguments["task_id"], int)


async def test_leaving_a_stream_frees_the_server(server: Llama) -> None:
    async with contextlib.aclosing(chat.stream(where(server), ENDLESS)) as pieces:
        async for _ in pieces:
            break
        assert await asyncio.to_thread(server.busy) == 1
    assert await idle(server)


async def test_cancelling_frees_the_server(server: Llama) -> None:
    task = asyncio.create_task(chat.exchange(where(server), ENDLESS))
    while not await asyncio.to_thread(server.busy):
        await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await idle(server)


async def test_the_deadline_frees_the_server(server: Llama) -> None:
    begun = time.monotonic()
    with pytest.raises(Timeout):
        await streamed(where(server, timeout=1.0), ENDLESS)
    assert time.monotonic() - begun < 3
    assert await idle(server)


async def test_a_wrong_key_and_too_long_a_question(server: Llama) -> None:
    with pytest.raises(Auth):
        await chat.exchange(where(server, key=Secret("sk-wrong-0123456789")), ask())
    with pytest.raises(TooLong):
        await chat.exchange(where(server), ask("word " * 5000, max_tokens=8))


def test_the_check_tells_every_step(server: Llama, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "ENOUGH", 64)  # it talks until it is stopped, 40 tokens a second
    found = {finding.name: finding for finding in probe.check(where(server))}
    for step in ("reachable", "key", "chat", "streaming", "tools", "schema", "usage", "speed"):
        assert found[step].ok, found[step].text.en
    assert found["reasoning"].ok is None
