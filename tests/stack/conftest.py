"""Installations for the tests of the stack, on the embedded default and on real servers.

The long ones (`slow_stack`) run in CI, or when asked for: `pytest -m slow_stack`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.console.stack import ROOT
from tests.services import redis
from tests.services.process import Missing
from tests.stack import trials
from tests.stack.database import Database
from tests.stack.house import House
from tests.stack.installation import Installation


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


@pytest.fixture(scope="session")
def skills_path(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A PYTHONPATH on which the trial skills are installed."""
    folder = tmp_path_factory.mktemp("skills")
    trials.entry_point(folder)
    return os.pathsep.join((str(folder), str(ROOT)))


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory, skills_path: str) -> Iterator[House]:
    """SQLite and the embedded Valkey; the same for all tests of the stack that leave it running."""
    folder = tmp_path_factory.mktemp("stack") / "home"
    with House(Installation(folder, PYTHONPATH=skills_path)) as found:
        yield found


@pytest.fixture
def own_house(tmp_path: Path, skills_path: str) -> Iterator[House]:
    """The same for one test alone, which may end it."""
    with House(Installation(tmp_path / "home", PYTHONPATH=skills_path)) as found:
        yield found


@pytest.fixture(scope="session")
def house_on_servers(
    tmp_path_factory: pytest.TempPathFactory, postgres_url: str, skills_path: str
) -> Iterator[House]:
    """PostgreSQL and a Redis of our own, which a test may kill; skips without them."""
    try:
        server = redis.installed()
    except Missing as missing:
        pytest.skip(f"no Redis: {missing}")
    database = Database(postgres_url)
    folder = tmp_path_factory.mktemp("stack") / "home"
    env = {"DATABASE_URL": database.url, "REDIS_URL": server.url, "PYTHONPATH": skills_path}
    try:
        with House(Installation(folder, **env), server, database) as found:
            yield found
    finally:
        server.stop()
        database.drop()
