"""What the tests of the audit share."""

from __future__ import annotations

import pytest
from django.db import connection


@pytest.fixture
def postgresql_only(db: None) -> None:
    """Skip on SQLite, which has one writer and no TRUNCATE."""
    if connection.vendor != "postgresql":
        pytest.skip("needs PostgreSQL: name one in CLAWDBOT_TEST_DATABASE_URL")
