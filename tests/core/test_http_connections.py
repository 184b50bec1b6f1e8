"""Connections of the door out: kept alive, given back, never trusted too far."""

from __future__ import annotations

import asyncio
import ssl
import time
from typing import Any

import pytest

from apps.core import http_pool
from apps.core.http import (
    Door,
    Unknown,
    Unreachable,
)
from apps.core.http_pool import Dial
from apps.core.wire import Wire

from .servers import OK, Lost, Peer, answering, serving


async def test_connections_are_kept_alive_and_shared(door: Door) -> None:
    async with serving(answering(OK)) as server:
        for _ in range(3):
            await door.get(server.url, configured=True)
        assert server.connections == 1
        await asyncio.gather(*(door.get(server.url, configured=True) for _ in range(5)))
        assert server.connections <= 5
        await asyncio.gather(*(door.get(server.url, configured=True) for _ in range(5)))
        assert server.connections <= 5
    assert len(server.requests) == 13


async def test_an_answer_tells_whether_its_connection_is_new(door: Door) -> None:
    async def behave(peer: Peer) -> None:
        for _ in range(2):
            await peer.request()
            await peer.say(OK)

    async with serving(behave) as server:
        told = [(await door.get(server.url, configured=True)).fresh for _ in range(4)]
    assert told == [True, False, True, False]
    assert server.connections == 2


async def test_an_answer_after_a_second_try_came_over_a_new_connection(door: Door) -> None:
    async def behave(peer: Peer) -> None:
        await peer.request()
        await peer.say(OK)
        await peer.request()
        peer.reset()  # as the request arrives, so that nobody could see it before

    async with serving(behave) as server:
        told = [(await door.get(server.url, configured=True)).fresh for _ in range(2)]
    assert told == [True, True]


async def test_a_door_apart_shares_no_connection(door: Door) -> None:
    async with serving(answering(OK)) as server:
        await door.get(server.url, configured=True)
        other = door.apart()
        assert (await other.get(server.url, configured=True)).fresh
        await other.aclose()
        assert not (await door.get(server.url, configured=True)).fresh


async def test_an_idle_connection_grows_old(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(answering(OK)) as server:
        await door.get(server.url, configured=True)
        monkeypatch.setattr(http_pool, "IDLE_SECONDS", 0.0)
        await door.get(server.url, configured=True)
    assert server.connections == 2


async def test_idle_connections_are_bounded(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_pool, "MAX_IDLE", 2)
    gate = asyncio.Event()

    async def behave(peer: Peer) -> None:
        await peer.request()
        await gate.wait()
        await peer.say(OK)
        await peer.request()

    async with serving(behave) as server:
        calls = [asyncio.create_task(door.get(server.url, configured=True)) for _ in range(6)]
        while len(server.requests) < 6:
            await asyncio.sleep(0.01)
        gate.set()
        await asyncio.gather(*calls)
        (pool,) = door._pools.values()
        assert [len(wires) for wires in pool._idle.values()] == [2]


@pytest.mark.parametrize("extra", [b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil", b"garbage"])
async def test_an_answer_too_many_is_never_taken_for_the_next(door: Door, extra: bytes) -> None:
    async def behave(peer: Peer) -> None:
        await peer.request()
        await peer.say(OK + extra)
        await peer.request()
        await peer.say(extra)

    async with serving(behave) as server:
        for _ in range(2):
            assert (await door.get(server.url, configured=True)).body == b"ok"
    assert server.connections == 2


async def test_a_late_extra_answer_ends_the_connection(door: Door) -> None:
    said = asyncio.Event()

    async def behave(peer: Peer) -> None:
        await peer.request()
        await peer.say(OK)
        await asyncio.sleep(0.05)
        await peer.say(b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\n\r\n")
        said.set()
        await peer.request()
        await peer.say(OK)

    async with serving(behave) as server:
        await door.get(server.url, configured=True)
        await said.wait()
        await asyncio.sleep(0.05)
        assert (await door.get(server.url, configured=True)).status == 200
    assert server.connections == 2


async def closing_on_second_request(peer: Peer) -> None:
    """Be a server that gives up on an idle connection in the wrong moment."""
    await peer.request()
    await peer.say(OK)
    await peer.request()


async def test_a_get_is_repeated_on_a_dead_connection(door: Door) -> None:
    async with serving(closing_on_second_request) as server:
        for _ in range(2):
            assert (await door.get(server.url, configured=True)).ok
    assert server.connections == 2


async def test_a_post_is_not(door: Door) -> None:
    async with serving(closing_on_second_request) as server:
        assert (await door.post(server.url, configured=True)).ok
        with pytest.raises(Unknown):
            await door.post(server.url, configured=True)
        assert (await door.post(server.url, configured=True, repeatable=True)).ok
        assert (await door.post(server.url, configured=True, repeatable=True)).ok
    assert server.connections == 3


async def test_a_failed_repeat_still_says_unknown(door: Door) -> None:
    async with serving(closing_on_second_request) as server:
        assert (await door.get(server.url, configured=True)).ok
        (pool,) = door._pools.values()
        pool._dial = Lost()
        with pytest.raises(Unknown):
            await door.get(server.url, configured=True)


async def test_a_cancelled_call_closes_its_connection(door: Door) -> None:
    closed = asyncio.Event()

    async def behave(peer: Peer) -> None:
        await peer.request()
        try:
            await peer.reader.read()
        finally:
            closed.set()

    async with serving(behave) as server:
        call = asyncio.create_task(door.get(server.url, configured=True))
        while not server.requests:
            await asyncio.sleep(0.01)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await asyncio.wait_for(closed.wait(), 5)


def test_each_loop_has_its_own_connections() -> None:
    door = Door()

    async def call() -> int:
        async with serving(answering(OK)) as server:
            await door.get(server.url, configured=True)
            await door.aclose()
            return server.connections

    assert [asyncio.run(call()) for _ in range(2)] == [1, 1]


class Hanging(Dial):
    """Connections are never made."""

    async def connect(self, *_: Any) -> Wire:
        await asyncio.Event().wait()
        raise AssertionError


async def test_a_closed_port_is_unreachable(door: Door) -> None:
    async with serving(answering(OK)) as server:
        pass
    with pytest.raises(Unreachable, match=r"127\.0\.0\.1"):
        await door.post(server.url, configured=True)


async def test_an_unknown_name_is_unreachable() -> None:
    with pytest.raises(Unreachable, match="no such name"):
        await Door(dial=Lost()).post("http://nowhere.example/", configured=True)


async def test_a_connection_that_is_never_made_is_unreachable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    door = Door(dial=Hanging())
    with pytest.raises(Unreachable):
        await door.post("http://127.0.0.1:9/", configured=True, timeout=0.1)
    monkeypatch.setattr(http_pool, "CONNECT_TIMEOUT", 0.1)
    start = time.monotonic()
    with pytest.raises(Unreachable):
        await door.post("http://127.0.0.1:9/", configured=True)
    assert time.monotonic() - start < 2


async def test_a_dead_address_does_not_hide_a_good_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_pool, "CONNECT_TIMEOUT", 0.6)

    class Two(Dial):
        async def resolve(self, host: str, port: int) -> list[str]:
            return ["127.0.0.9", "127.0.0.8", "127.0.0.1"]

        async def connect(
            self, address: str, port: int, tls: ssl.SSLContext | None, host: str
        ) -> Wire:
            if address == "127.0.0.9":
                await asyncio.Event().wait()
            if address == "127.0.0.8":
                raise ConnectionRefusedError
            return await super().connect(address, port, tls, host)

    door = Door(dial=Two())
    async with serving(answering(OK)) as server:
        url = f"http://three.example:{server.port}/"
        assert (await door.get(url, configured=True)).ok
        await door.aclose()
