"""Answers that are read as they come."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from apps.core.http import (
    Door,
    Unknown,
)
from apps.core.wire import HIGH_WATER

from .servers import OK, Peer, answering, serving


async def test_a_stream_gives_pieces_as_they_come(door: Door) -> None:
    gate = asyncio.Event()

    async def behave(peer: Peer) -> None:
        await peer.request()
        await peer.say(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nfirst\r\n")
        await gate.wait()
        await peer.say(b"6\r\nsecond\r\n0\r\n\r\n")
        await peer.request()
        await peer.say(OK)

    async with serving(behave) as server:
        pieces: list[bytes] = []
        async with door.stream("POST", server.url, configured=True, json={}) as answer:
            assert answer.status == 200
            async for piece in answer.chunks():
                pieces.append(piece)
                gate.set()
        assert pieces == [b"first", b"second"]
        assert (await door.get(server.url, configured=True)).ok
    assert server.connections == 1


async def read_into(pieces: list[bytes], door: Door, url: str, **options: Any) -> None:
    async with door.stream("GET", url, configured=True, **options) as answer:
        async for piece in answer.chunks():
            pieces.append(piece)


async def test_a_stream_that_breaks_off_says_so(door: Door) -> None:
    async def behave(peer: Peer) -> None:
        await peer.request()
        await peer.say(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nfirst\r\n")

    async with serving(behave) as server:
        pieces: list[bytes] = []
        with pytest.raises(Unknown):
            await read_into(pieces, door, server.url)
    assert pieces == [b"first"]


async def test_a_stream_ends_at_the_deadline(door: Door) -> None:
    async def behave(peer: Peer) -> None:
        await peer.request()
        await peer.say(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        while True:
            await peer.say(b"1\r\nx\r\n")
            await asyncio.sleep(0.02)

    async with serving(behave) as server:
        with pytest.raises(Unknown, match="no full answer"):
            await read_into([], door, server.url, timeout=0.3)


async def test_a_stream_that_is_left_early_is_closed(door: Door) -> None:
    async with serving(answering(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf")) as server:
        async with door.stream("GET", server.url, configured=True) as answer:
            assert answer.status == 200
        async with door.stream("GET", server.url, configured=True) as answer:
            assert answer.status == 200
    assert server.connections == 2


async def test_a_stream_that_nobody_reads_does_not_fill_the_memory(door: Door) -> None:
    total = 30_000_000

    async def behave(peer: Peer) -> None:
        await peer.request()
        await peer.say(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % total)
        for _ in range(total // 100_000):
            await peer.say(b"x" * 100_000)

    async with serving(behave) as server:
        options: dict[str, Any] = {"max_bytes": total, "timeout": 60}
        async with door.stream("GET", server.url, configured=True, **options) as answer:
            await asyncio.sleep(0.3)
            assert answer._exchange._waiting < 4 * HIGH_WATER
            assert sum([len(piece) async for piece in answer.chunks()]) == total


async def test_an_error_of_the_reader_is_not_mistaken_for_ours(door: Door) -> None:
    async with serving(answering(OK)) as server:
        with pytest.raises(TimeoutError):
            async with door.stream("GET", server.url, configured=True):
                raise TimeoutError
