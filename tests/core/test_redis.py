"""The Redis clients: one per process and per loop, never shared over a fork, never hanging."""

from __future__ import annotations

import asyncio
import os
import socket
import time
import traceback
from collections.abc import Callable

import pytest
import redis
from pytest_django import Settings

from apps.core import redis as core_redis
from tests.services.redis import Redis


def in_child(check: Callable[[], None]) -> None:
    """Run ``check`` in a forked child and fail when it fails there."""
    pid = os.fork()
    if pid == 0:
        try:
            check()
        except BaseException:  # noqa: BLE001 - the child must end here whatever happens
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_one_client_for_the_process(redis_url: str) -> None:
    assert core_redis.client() is core_redis.client()
    core_redis.client().set("clawdbot:x", "1")
    assert core_redis.client().get("clawdbot:x") == b"1"


def test_a_tcp_address_works(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        settings.REDIS_URL = f"redis://127.0.0.1:{server.getsockname()[1]}/3"
        options = core_redis.client().connection_pool.connection_kwargs
    assert options["db"] == 3
    assert options["socket_keepalive"] is True
    settings.REDIS_URL = "rediss://redis.example.com:6390/0"
    pool = core_redis.client().connection_pool
    assert issubclass(pool.connection_class, redis.SSLConnection)


def test_another_address_gives_another_client(redis_url: str, settings: Settings) -> None:
    first = core_redis.client()
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    assert core_redis.client() is not first


async def test_the_async_client_belongs_to_its_loop(redis_url: str) -> None:
    mine = core_redis.async_client()
    assert core_redis.async_client() is mine
    await mine.set("clawdbot:x", "2")

    async def elsewhere() -> object:
        other = core_redis.async_client()
        assert await other.get("clawdbot:x") == b"2"
        await other.aclose()
        return other

    assert await asyncio.to_thread(lambda: asyncio.run(elsewhere())) is not mine
    await mine.aclose()


def test_a_forked_child_has_its_own_connection(redis_url: str) -> None:
    client = core_redis.client()
    client.set("clawdbot:x", "parent")
    mine = client.client_id()

    def child() -> None:
        assert core_redis.client() is not client
        assert core_redis.client().client_id() != mine
        core_redis.client().set("clawdbot:x", "child")

    in_child(child)
    assert client.get("clawdbot:x") == b"child"
    assert client.client_id() == mine


def test_a_restarted_server_is_found_again(own_redis: Redis) -> None:
    core_redis.client().ping()
    own_redis.stop()
    own_redis.start()
    assert core_redis.client().ping()


@pytest.mark.usefixtures("no_redis")
def test_an_absent_server_fails_at_once() -> None:
    start = time.monotonic()
    with pytest.raises(redis.ConnectionError):
        core_redis.client().ping()
    assert time.monotonic() - start < 1


def test_a_silent_server_times_out(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(core_redis, "SOCKET_TIMEOUT", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as server:
        settings.REDIS_URL = f"redis://127.0.0.1:{server.getsockname()[1]}/0"
        start = time.monotonic()
        with pytest.raises(redis.TimeoutError):
            core_redis.client().ping()
    assert time.monotonic() - start < 2
