"""Redis for the tests: the embedded Valkey on the settings' socket, or an installed server."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import redis

from tests.services.process import PrivateServer, free_port, program

VARIABLE = "CLAWDBOT_TEST_REDIS_URL"
# Everything that we, kombu and Celery may write, for a server that others use too.
OURS = ("clawdbot*", "_kombu*", "unacked*", "control", "interactive", "normal", "batch", "model")
QUIET = ("--save", "", "--appendonly", "no", "--daemonize", "no")


class Redis:
    """A running server, ours to stop and start again, on a unix socket or a loopback port."""

    def __init__(self, server: str, socket: Path | None = None) -> None:
        self._server = server
        self._socket = socket
        self._port = free_port() if socket is None else 0
        self.url = f"unix://{socket}" if socket else f"redis://127.0.0.1:{self._port}/0"
        self.start()

    def start(self) -> None:
        """Return when it answers."""
        self.process = PrivateServer("redis")
        where = ["--port", str(self._port), "--bind", "127.0.0.1"]
        if self._socket:
            self._socket.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            where = ["--port", "0", "--unixsocket", str(self._socket), "--unixsocketperm", "700"]
        try:
            self.process.start([self._server, *where, "--dir", str(self.process.folder), *QUIET])
            self.process.wait(self.answers)
        except BaseException:
            self.stop()
            raise

    def answers(self) -> bool:
        """Does it take commands?"""
        try:
            with redis.Redis.from_url(self.url, socket_timeout=2) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    def stop(self) -> None:
        """Kill it as a crash would."""
        self.process.stop(signal.SIGKILL)


class Named:
    """A server that somebody named: used, never stopped."""

    def __init__(self, url: str) -> None:
        self.url = url


def installed() -> Redis:
    """A private Redis (or Valkey) from this machine's packages, on a port. Raises Missing."""
    return Redis(program("redis-server"))


def named() -> str:
    """The server that somebody named, or nothing."""
    return os.environ.get(VARIABLE, "")


def empty(url: str) -> None:
    """Remove what the tests wrote, and nothing else."""
    with redis.Redis.from_url(url) as client:
        if client.dbsize():
            for pattern in OURS:
                for key in client.scan_iter(pattern):
                    client.delete(key)
