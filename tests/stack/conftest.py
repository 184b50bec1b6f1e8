"""Installations for the tests of the stack, on the embedded default and on real servers.

The long ones (`slow_stack`) run in CI, or when asked for: `pytest -m slow_stack`.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import environ
import psycopg
import pytest
from psycopg import sql

from tests.services import redis
from tests.services.process import Missing
from tests.stack.installation import Installation, names
from tests.stands.webhook import WebhookStand

SLUG = "own"
PEOPLE = names(20)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the long tests to CI, unless the command line names them."""
    asked = "slow_stack" in str(config.option.markexpr)
    if asked or os.environ.get("CI", "").lower() in {"1", "true"}:
        return
    later = [item for item in items if item.get_closest_marker("slow_stack")]
    if later:
        config.hook.pytest_deselected(items=later)
        items[:] = [item for item in items if item not in later]


@dataclass
class House:
    """An installation with a `webhook` bot, the receiver behind it, and twenty bound people."""

    home: Installation
    stand: WebhookStand
    redis: redis.Redis | None = None  # ours to kill; None is the embedded one

    def prepare(self) -> None:
        """First start, the bot, the people."""
        self.home.up()
        self.home.add_bot("webhook", SLUG, self.stand.config())
        self.home.ask("add_people", bot=SLUG, names=PEOPLE, roles=["member", "operator"])


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """SQLite and the embedded Valkey."""
    home = Installation(tmp_path_factory.mktemp("stack") / "home")
    with WebhookStand() as stand:
        found = House(home, stand)
        try:
            found.prepare()
            yield found
        finally:
            home.end()


@pytest.fixture(scope="module")
def house_on_servers(
    tmp_path_factory: pytest.TempPathFactory, postgres_url: str
) -> Iterator[House]:
    """PostgreSQL and a Redis of our own, which a test may kill; skips without them."""
    try:
        server = redis.installed()
    except Missing as missing:
        pytest.skip(f"no Redis: {missing}")
    name = f"clawdbot_stack_{uuid.uuid4().hex[:8]}"
    _on(postgres_url, sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    folder = tmp_path_factory.mktemp("stack")
    address = postgres_url.rpartition("/")[0] + f"/{name}"
    home = Installation(folder / "home", DATABASE_URL=address, REDIS_URL=server.url)
    with WebhookStand() as stand:
        found = House(home, stand, server)
        try:
            found.prepare()
            yield found
        finally:
            home.end()
            server.stop()
            drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
            _on(postgres_url, drop.format(sql.Identifier(name)))


def _on(url: str, statement: sql.Composed) -> None:
    found = environ.Env.db_url_config(url)
    where = {"host": found["HOST"], "port": found["PORT"], "user": found["USER"]}
    where |= {"password": found["PASSWORD"], "dbname": found["NAME"]}
    given = {name: value for name, value in where.items() if value}
    with psycopg.connect(**given, autocommit=True) as connection:
        connection.execute(statement)
