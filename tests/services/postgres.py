"""PostgreSQL for the tests: a cluster of our own on a private unix socket."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from pathlib import Path

import psycopg

from tests.services.process import Missing, PrivateServer, program

VARIABLE = "CLAWDBOT_TEST_DATABASE_URL"
NAMES = ("initdb", "postgres")
# A test's data need not survive a power cut.
FLAGS = {
    "listen_addresses": "",
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "max_connections": "100",
    "shared_buffers": "64MB",
    "timezone": "UTC",
}


def folders() -> list[Path]:
    """Where Debian keeps the server's programs, newest version first; they are not on PATH."""
    found = Path("/usr/lib/postgresql").glob("*/bin")
    return sorted(found, key=lambda path: float(path.parent.name), reverse=True)


class Postgres:
    """A running server; `url` is what DATABASE_URL takes."""

    def __init__(self, flags: Mapping[str, str] = FLAGS) -> None:
        self.flags = flags
        initdb, postgres = (program(name, *folders()) for name in NAMES)
        self.server = PrivateServer("pg", user="postgres")
        try:
            self._start(initdb, postgres)
        except BaseException:
            self.stop()
            raise

    def _start(self, initdb: str, postgres: str) -> None:
        folder = self.server.folder
        self.url = f"postgres://clawdbot@/{folder}/postgres"
        auth = ["--auth=trust", "--username=clawdbot", "--encoding=UTF8", "--locale=C"]
        self.server.run([initdb, "--pgdata", str(folder / "data"), *auth, "--no-sync"])
        flags = {"unix_socket_directories": str(folder), **self.flags}
        options = [part for name, value in flags.items() for part in ("-c", f"{name}={value}")]
        self.server.start([postgres, "-D", str(folder / "data"), *options], signal="INT")
        self.server.wait(self.answers)

    def answers(self) -> bool:
        """Does it take connections?"""
        where = f"host={self.server.folder} user=clawdbot dbname=postgres connect_timeout=2"
        try:
            psycopg.connect(where).close()
        except psycopg.OperationalError:
            return False
        return True

    def stop(self) -> None:
        """Fast shutdown: clients are cut off."""
        self.server.stop(signal.SIGINT)


def named() -> str:
    """The server that somebody named, or nothing."""
    return os.environ.get(VARIABLE, "")


__all__ = ["Missing", "Postgres", "named"]
