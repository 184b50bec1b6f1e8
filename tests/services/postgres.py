"""PostgreSQL for the tests: a cluster of our own on a private unix socket."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from pathlib import Path

import psycopg

from tests.services.disk import SmallDisk
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

    def __init__(self, flags: Mapping[str, str] = FLAGS, disk_mb: int = 0) -> None:
        initdb, self._program = (program(name, *folders()) for name in NAMES)
        self.server = PrivateServer("pg", user="postgres")
        folder = self.server.folder
        self.disk = SmallDisk(folder, disk_mb) if disk_mb else None
        self.url = f"postgres://clawdbot@/{folder}/postgres"
        self.socket = folder / ".s.PGSQL.5432"
        self._flags = {"unix_socket_directories": str(folder), **flags}
        auth = ["--auth=trust", "--username=clawdbot", "--encoding=UTF8", "--locale=C"]
        try:
            self.server.run([initdb, "--pgdata", str(folder / "data"), *auth, "--no-sync"])
            self.start()
        except BaseException:
            self.stop()
            raise

    def start(self) -> None:
        """Return when it answers; after a crash it recovers first."""
        data = str(self.server.folder / "data")
        flags = [part for name, value in self._flags.items() for part in ("-c", f"{name}={value}")]
        self.server.start([self._program, "-D", data, *flags], signal="INT")
        self.server.wait(self.answers)

    def crash(self) -> None:
        """Immediate shutdown: as if all its processes were killed; the data stays."""
        self.server.halt(signal.SIGQUIT)

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
        self.server.halt(signal.SIGINT)
        if self.disk is not None:
            self.disk.stop()
        self.server.stop()


def named() -> str:
    """The server that somebody named, or nothing."""
    return os.environ.get(VARIABLE, "")


__all__ = ["Missing", "Postgres", "named"]
