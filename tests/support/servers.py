"""Servers for the tests: Redis for all of them, the others for whoever asks.

A server is our own, or the one that somebody named; no other is ever touched.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings as configured
from pytest_django import Settings

from apps.console.supervisor import valkey
from tests.services import postgres, rabbitmq, redis
from tests.services.process import Missing


@pytest.fixture(scope="session")
def _redis_of_all() -> Iterator[redis.Redis | redis.Named]:
    if redis.named():
        yield redis.Named(redis.named())
        return
    server = redis.Redis(valkey.program(), Path(configured.REDIS_URL.removeprefix("unix://")))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def redis_server(_redis_of_all: redis.Redis | redis.Named) -> redis.Redis | redis.Named:
    """The Redis of the settings: embedded (tests may stop and start it), or the named one."""
    return _redis_of_all


@pytest.fixture(autouse=True)
def _empty_redis(_redis_of_all: redis.Redis | redis.Named) -> Iterator[None]:
    """Every test finds Redis running and without what the one before wrote."""
    yield
    if isinstance(_redis_of_all, redis.Redis) and not _redis_of_all.answers():
        _redis_of_all.start()
    redis.empty(_redis_of_all.url)


@pytest.fixture
def redis_url(redis_server: redis.Redis | redis.Named) -> str:
    """The address of that Redis, for tests that cannot do without."""
    return redis_server.url


@pytest.fixture
def own_redis(redis_server: redis.Redis | redis.Named, settings: Settings) -> Iterator[redis.Redis]:
    """A Redis that the test may stop, also when the others use one that somebody named."""
    if isinstance(redis_server, redis.Redis):
        yield redis_server
        return
    server = redis.Redis(valkey.program())
    settings.REDIS_URL = server.url
    yield server
    server.stop()


@pytest.fixture
def no_redis(settings: Settings, tmp_path: Path) -> None:
    """Point the settings at a Redis that is not there."""
    settings.REDIS_URL = f"unix://{tmp_path}/none.sock?db=0"


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The address of a PostgreSQL; skips when there is none to be had."""
    if postgres.named():
        yield postgres.named()
        return
    try:
        server = postgres.Postgres()
    except Missing as missing:
        pytest.skip(f"no PostgreSQL: {missing}; or set {postgres.VARIABLE}")
    yield server.url
    server.stop()


@pytest.fixture(scope="session")
def installed_redis_url() -> Iterator[str]:
    """The address of a Redis server that is not the embedded one; skips when there is none."""
    if redis.named():
        yield redis.named()
        return
    try:
        server = redis.installed()
    except Missing as missing:
        pytest.skip(f"no Redis: {missing}; or set {redis.VARIABLE}")
    yield server.url
    server.stop()


@pytest.fixture(scope="session")
def rabbitmq_url() -> Iterator[str]:
    """The address of a RabbitMQ; skips when there is none to be had."""
    if rabbitmq.named():
        yield rabbitmq.named()
        return
    try:
        server = rabbitmq.RabbitMQ()
    except Missing as missing:
        pytest.skip(f"no RabbitMQ: {missing}; or set {rabbitmq.VARIABLE}")
    yield server.url
    server.stop()
