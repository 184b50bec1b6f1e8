"""Broken, slow and huge answers: bounded, and told apart from what was never sent."""

from __future__ import annotations

import asyncio
import gzip
import time
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from apps.core.http import (
    Door,
    HttpError,
    TooLarge,
    Unknown,
)

from .servers import Behaviour, Peer, after_request, answering, serving

BROKEN: dict[str, Behaviour] = {
    "closed without an answer": after_request(lambda peer: None),
    "reset without an answer": after_request(lambda peer: peer.reset()),
    "closed in the headers": after_request(lambda peer: peer.say(b"HTTP/1.1 200 OK\r\nconte")),
    "closed in the body": after_request(
        lambda peer: peer.say(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf")
    ),
    "closed in the chunks": after_request(
        lambda peer: peer.say(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\nhalf")
    ),
    "no HTTP": after_request(lambda peer: peer.say(b"SSH-2.0-OpenSSH_9\r\n")),
    "upgrade": after_request(
        lambda peer: peer.say(
            b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n"
        )
    ),
    "two lengths": after_request(
        lambda peer: peer.say(b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\na")
    ),
    "headers without end": after_request(
        lambda peer: peer.say(b"HTTP/1.1 200 OK\r\n" + b"x-a: b\r\n" * 20_000)
    ),
    "unknown coding": after_request(
        lambda peer: peer.say(
            b"HTTP/1.1 200 OK\r\ncontent-encoding: br\r\ncontent-length: 1\r\n\r\nx"
        )
    ),
    "broken coding": after_request(
        lambda peer: peer.say(
            b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\n"
            b"\x1f\x8b\x08\x00"
        )
    ),
}


@pytest.mark.parametrize("behave", BROKEN.values(), ids=BROKEN.keys())
async def test_a_broken_answer_is_unknown(door: Door, behave: Behaviour) -> None:
    async with serving(behave) as server:
        with pytest.raises(Unknown) as caught:
            await door.post(server.url, configured=True, timeout=5)
    assert type(caught.value) is Unknown
    assert not caught.value.permanent
    assert len(server.requests) == 1


async def test_a_reset_in_an_answer_without_length_is_unknown(door: Door) -> None:
    async def behave(peer: Peer) -> None:
        await peer.request()
        await peer.say(b"HTTP/1.1 200 OK\r\n\r\nhalf")
        await asyncio.sleep(0.1)
        peer.reset()

    async with serving(behave) as server:
        with pytest.raises(Unknown):
            await door.post(server.url, configured=True)


@pytest.mark.parametrize(
    "start",
    [b"", b"HTTP/1.1 200 OK\r\nx-slow: ", b"HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\n"],
)
async def test_a_dripping_server_is_left_at_the_deadline(door: Door, start: bytes) -> None:
    async def behave(peer: Peer) -> None:
        await peer.request()
        await peer.say(start)
        while True:
            await peer.say(b"H" if not start else b"a")
            await asyncio.sleep(0.02)

    async with serving(behave) as server:
        began = time.monotonic()
        with pytest.raises(Unknown, match=r"no full answer|not a proper"):
            await door.post(server.url, configured=True, timeout=0.3)
        assert time.monotonic() - began < 2


async def test_a_server_that_says_nothing(door: Door) -> None:
    async def behave(peer: Peer) -> None:
        await peer.request()
        await peer.reader.read()

    async with serving(behave) as server:
        with pytest.raises(Unknown, match=r"no full answer in 0\.2 s"):
            await door.post(server.url, configured=True, timeout=0.2)


async def test_a_server_that_does_not_read(door: Door) -> None:
    async def behave(peer: Peer) -> None:
        await asyncio.sleep(60)

    async with serving(behave) as server:
        with pytest.raises(Unknown):
            await door.post(server.url, configured=True, timeout=0.3, body=b"x" * 8_000_000)


async def test_an_early_answer_to_a_big_request_is_heard(door: Door) -> None:
    async def behave(peer: Peer) -> None:
        await peer.reader.readuntil(b"\r\n\r\n")
        await peer.say(b"HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        await asyncio.sleep(1)

    async with serving(behave) as server:
        response = await door.post(server.url, configured=True, body=b"x" * 8_000_000)
    assert response.status == 413


HUGE: dict[str, bytes] = {
    "announced": b"HTTP/1.1 200 OK\r\ncontent-length: 50000000\r\n\r\n",
    "without a length": b"HTTP/1.1 200 OK\r\n\r\n",
}


@pytest.mark.parametrize("head", HUGE.values(), ids=HUGE.keys())
async def test_a_huge_answer_is_cut_off(door: Door, head: bytes) -> None:
    sent = 0

    async def behave(peer: Peer) -> None:
        nonlocal sent
        await peer.request()
        await peer.say(head)
        while sent < 50_000_000:
            await peer.say(b"x" * 65536)
            sent += 65536

    async with serving(behave) as server:
        with pytest.raises(TooLarge, match="more than 100000 bytes"):
            await door.get(server.url, configured=True, max_bytes=100_000)
    assert sent < 20_000_000


async def test_a_huge_chunked_answer_is_cut_off(door: Door) -> None:
    piece = b"10000\r\n" + b"x" * 65536 + b"\r\n"

    async def behave(peer: Peer) -> None:
        await peer.request()
        await peer.say(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        while True:
            await peer.say(piece)

    async with serving(behave) as server:
        with pytest.raises(TooLarge):
            await door.get(server.url, configured=True)


async def test_headers_without_end_are_cut_off(door: Door) -> None:
    async def behave(peer: Peer) -> None:
        await peer.request()
        await peer.say(b"HTTP/1.1 200 OK\r\n")
        while True:
            await peer.say(b"x-a: b\r\n" * 1000)

    async with serving(behave) as server:
        with pytest.raises(Unknown, match="too long headers"):
            await door.get(server.url, configured=True)


async def test_a_compressed_bomb_does_not_go_off(door: Door) -> None:
    bomb = gzip.compress(b"\0" * 50_000_000)
    head = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(bomb)
    async with serving(answering(head + bomb)) as server:
        tracemalloc.start()
        with pytest.raises(TooLarge):
            await door.get(server.url, configured=True)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 10_000_000


async def test_an_answer_at_the_limit_is_fine(door: Door) -> None:
    answer = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n" + b"x" * 100
    async with serving(answering(answer)) as server:
        assert len((await door.get(server.url, configured=True, max_bytes=100)).body) == 100
        with pytest.raises(TooLarge):
            await door.get(server.url, configured=True, max_bytes=99)


@hypothesis_settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.binary(max_size=40)
        | st.sampled_from(
            [
                *(b"HTTP/1.1 200 OK\r\n", b"content-length: 3\r\n", b"\r\n", b"abc", b"0\r\n\r\n"),
                *(b"transfer-encoding: chunked\r\n", b"3\r\nabc\r\n", b"HTTP/1.1 100 C\r\n\r\n"),
            ]
        ),
        max_size=12,
    )
)
def test_any_bytes_are_an_answer_or_unknown(pieces: list[bytes]) -> None:
    async def behave(peer: Peer) -> None:
        await peer.request()
        for piece in pieces:
            await peer.say(piece)

    async def call() -> None:
        door = Door()
        async with serving(behave) as server:
            try:
                response = await door.get(server.url, configured=True, timeout=5)
                assert 200 <= response.status <= 999
            except Unknown:
                pass
            finally:
                await door.aclose()

    asyncio.run(call())


async def test_errors_keep_addresses_and_tokens_to_themselves(door: Door) -> None:
    secret = "c4n4ry"
    async with serving(after_request(lambda peer: None)) as server:
        with pytest.raises(HttpError) as caught:
            await door.get(f"{server.url}/bot{secret}/x?token={secret}", configured=True)
    shown = f"{caught.value} {caught.value.text('en')} {caught.value.text('zh')} {caught.value!r}"
    assert secret not in shown
    assert "127.0.0.1" in caught.value.text("zh")
