"""The load generator against servers of its own: replies, keys, signatures."""

from __future__ import annotations

import asyncio
import json
import time

import pytest

from apps.im.base import InboundRequest, get_platform
from benchmarks import load
from benchmarks.dialects import SECRET, Slack, StandardWebhooks
from benchmarks.wire import Connection, Sink, reply_key


async def test_the_sink_wakes_whoever_waits_and_counts_what_comes_twice() -> None:
    sink = Sink()
    await sink.start()
    done = sink.expect("m1")
    connection = Connection(sink.port)
    body = json.dumps({"in_reply_to": "m1", "role": "answer"}).encode()
    assert await connection.post("/", {}, body) == 200
    await asyncio.wait_for(done.wait(), 5)
    assert sink.twice(["m1"]) == 0
    assert await connection.post("/", {}, body) == 200
    assert sink.twice(["m1", "m2"]) == 1
    connection.close()
    sink.close()


def test_a_reply_is_known_by_its_id() -> None:
    assert reply_key(b'{"in_reply_to":"a","role":"answer"}', False) == "a"
    assert reply_key(b'{"in_reply_to":"a","role":"progress"}', False) is None
    assert reply_key(b"channel=D1&text=pong&thread_ts=1.000002", True) == "1.000002"


def test_our_letters_are_accepted_by_our_own_platform() -> None:
    letter = StandardWebhooks("/").letter("t", 3, "/ping")
    request = InboundRequest("POST", "/", {}, letter.headers, letter.body)
    config = {"secret": SECRET, "reply_url": "http://127.0.0.1:9/", "max_skew_s": 300}
    received = get_platform("webhook").receive(config, request, time.time())
    assert received.verdict == "accept"
    assert [m.message_id for m in received.messages] == [letter.key]


def test_letters_of_all_slacks_have_keys_of_their_own() -> None:
    first, second = Slack(), Slack()
    assert len({speaker.letter("t", 1, "x").key for speaker in (first, second) * 5}) == 10


async def test_a_refusal_ends_the_measurement() -> None:
    with pytest.raises(RuntimeError, match="403"):
        load.Run().count(403)


async def test_a_late_server_cannot_hide_behind_the_load() -> None:
    """With a rate, an event's latency counts from its moment, not from when it could be sent."""

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                size = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
                await reader.readexactly(size)
                await asyncio.sleep(0.05)
                writer.write(b"HTTP/1.1 202 OK\r\ncontent-length: 0\r\n\r\n")
        except asyncio.IncompleteReadError:
            writer.close()

    server = await asyncio.start_server(slow, "127.0.0.1", 0)
    target = load.Target(server.sockets[0].getsockname()[1], StandardWebhooks("/"))
    run = await load.send(target, connections=1, messages=10, tag="t", per_second=100)
    server.close()
    assert max(run.latencies_ms) > 300  # ten times 50 ms, of which 100 ms were meant to pass
