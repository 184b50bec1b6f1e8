"""A PostgreSQL of the benchmark's own, with the safety that an installation would have."""

from __future__ import annotations

from tests.services.postgres import Postgres

# Unlike those of the tests: what is committed is on the disk.
FLAGS = {"listen_addresses": "", "max_connections": "100", "shared_buffers": "128MB"}


class Database:
    """A running server; `pid` is the root of its tree of processes."""

    name = "postgres"

    def __init__(self) -> None:
        self.postgres = Postgres(FLAGS)
        self.url = self.postgres.url

    @property
    def pid(self) -> int:
        """The postmaster (its command may be wrapped to run as another user, but not forked)."""
        return self.postgres.server.processes[0].pid

    def stop(self) -> None:
        """End it and remove its data."""
        self.postgres.stop()
