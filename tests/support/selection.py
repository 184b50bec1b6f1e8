"""Which tests run on which server.

Whatever uses Django's database runs twice: on SQLite, and once more on PostgreSQL, which
tests/services/test_on_postgres.py starts. Those marked `postgres` wait for that second run.
"""

from __future__ import annotations

import pytest
from django.db import connection

DATABASE = {"db", "transactional_db", "_django_db_helper"}
REDIS = {"redis_url"}


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marks that nobody has to remember."""
    config.addinivalue_line("markers", "database: uses the database (set by itself)")
    config.addinivalue_line("markers", "redis_bound: uses Redis (set by itself)")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what uses the database; leave out what is meant for the other one."""
    later = []
    for item in items:
        fixtures = set(getattr(item, "fixturenames", ()))
        if REDIS & fixtures:
            item.add_marker("redis_bound")
        if DATABASE & fixtures or item.get_closest_marker("django_db"):
            item.add_marker("database")
            if item.get_closest_marker("postgres") and connection.vendor != "postgresql":
                later.append(item)
    if later:
        config.hook.pytest_deselected(items=later)
        items[:] = [item for item in items if item not in later]
