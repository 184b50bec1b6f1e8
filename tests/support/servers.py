"""Servers for the tests: Redis for all of them, the others for whoever asks.

A server is our own, or the one that somebody named; no other is ever touched.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

from apps.console.supervisor import valkey
from tests.services import postgres, rabbitmq, redis
from tests.services.process import Missing


@pytest.fixture(scope="session")
def redis_server() -> Iterator[redis.Redis | redis.Named]:
    """The Redis of the settings: embedded (tests may stop and start it), or the named one."""
    if redis.named():
        yield redis.Named(redis.named())
        return
    server = redis.Redis(valkey.program(), Path(settings.REDIS_URL.removeprefix("unix://")))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def _redis_for_all(redis_server: redis.Redis | redis.Named) -> redis.Redis | redis.Named:
    """Asked for by every test: a folder that has a `redis_server` of its own keeps that one."""
    return redis_server


@pytest.fixture(autouse=True)
def _empty_redis(_redis_for_all: redis.Redis | redis.Named) -> Iterator[None]:
    """Every test finds Redis running and without what the one before wrote."""
    yield
    if isinstance(_redis_for_all, redis.Redis) and not _redis_for_all.answers():
        _redis_for_all.start()
    redis.empty(_redis_for_all.url)


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
