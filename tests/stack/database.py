"""A database of our own on a PostgreSQL that others use too, and ways to be cut off from it."""

from __future__ import annotations

import uuid
from typing import LiteralString

import environ
import psycopg
from psycopg import sql


class Database:
    """`url` is what DATABASE_URL takes."""

    def __init__(self, server_url: str) -> None:
        self.name = f"clawdbot_stack_{uuid.uuid4().hex[:8]}"
        self.url = server_url.rpartition("/")[0] + f"/{self.name}"
        found = environ.Env.db_url_config(server_url)
        where = {"host": found["HOST"], "port": found["PORT"], "user": found["USER"]}
        where |= {"password": found["PASSWORD"], "dbname": found["NAME"]}
        self._server = {name: value for name, value in where.items() if value}
        self._do("CREATE DATABASE {}")

    def lock_out(self) -> None:
        """Cut everybody off and let nobody in, as while the server restarts."""
        self._do("ALTER DATABASE {} ALLOW_CONNECTIONS false")
        self._do("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = {}", True)

    def let_in(self) -> None:
        """End of the restart."""
        self._do("ALTER DATABASE {} ALLOW_CONNECTIONS true")

    def drop(self) -> None:
        """Leave nothing behind."""
        self._do("DROP DATABASE IF EXISTS {} WITH (FORCE)")

    def _do(self, words: LiteralString, literal: bool = False) -> None:
        name = sql.Literal(self.name) if literal else sql.Identifier(self.name)
        with psycopg.connect(**self._server, autocommit=True) as connection:
            connection.execute(sql.SQL(words).format(name))
