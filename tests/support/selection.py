"""Which tests run where, and in which order.

Whatever uses Django's database runs twice: on SQLite, and once more on PostgreSQL, which
tests/services/test_on_postgres.py starts. Those marked `postgres` wait for that second run.
"""

from __future__ import annotations

import os
from collections.abc import Generator

import pytest
from django.db import connection

from tests.services import redis

DATABASE = {"db", "transactional_db", "_django_db_helper"}
REDIS = {"redis_url"}
LONGEST = ("services", "stack", "browser")


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marks that nobody has to remember."""
    config.addinivalue_line("markers", "database: uses the database (set by itself)")
    config.addinivalue_line("markers", "redis_bound: uses Redis (set by itself)")


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """`-n auto`: as many processes as cores, but one where they would share a named Redis."""
    return 0 if redis.named() else min(os.cpu_count() or 1, 4)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> Generator[None, None, None]:
    """Mark what uses which server, before `-m` chooses; then put the longest first."""
    later = [item for item in items if _is_for_another_database(item) or _is_a_fault(item, config)]
    if later:
        config.hook.pytest_deselected(items=later)
        items[:] = [item for item in items if item not in later]
    yield
    # So that no process waits for them alone in the end.
    items.sort(key=lambda item: item.path.parent.name not in LONGEST)


def _is_a_fault(item: pytest.Item, config: pytest.Config) -> bool:
    """A case of the fault matrix, which takes minutes and is run only when it is asked for?"""
    asked = str(config.option.markexpr) == "faults"
    return not asked and item.get_closest_marker("faults") is not None


def _is_for_another_database(item: pytest.Item) -> bool:
    fixtures = set(getattr(item, "fixturenames", ()))
    if REDIS & fixtures:
        item.add_marker("redis_bound")
    if not DATABASE & fixtures and not item.get_closest_marker("django_db"):
        return False
    item.add_marker("database")
    return bool(item.get_closest_marker("postgres")) and connection.vendor != "postgresql"
