"""Whatever uses Redis passes on a server with an address, not only on the embedded one."""

from __future__ import annotations

import pytest

from tests.services import redis
from tests.services.again import run_again


@pytest.mark.redis
def test_the_redis_bound_tests_pass_on_an_installed_server(request: pytest.FixtureRequest) -> None:
    if redis.named():
        return  # then this very run is on it
    url = request.getfixturevalue("installed_redis_url")
    assert run_again("-m", "redis_bound and not stack", CLAWDBOT_TEST_REDIS_URL=url) > 20
