"""Whatever uses the database passes on PostgreSQL too."""

from __future__ import annotations

import pytest
from django.db import connection

from tests.services import postgres
from tests.services.again import run_again


@pytest.mark.postgres
def test_the_database_bound_tests_pass_on_postgresql(request: pytest.FixtureRequest) -> None:
    if postgres.named():
        # Then this very run is on it, and the tests around this one have said all there is.
        assert connection.vendor == "postgresql"
        return
    url = request.getfixturevalue("postgres_url")
    passed = run_again(
        "-m", "database and not stack and not browser", CLAWDBOT_TEST_DATABASE_URL=url
    )
    assert passed > 100
