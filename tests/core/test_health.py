"""Health: every part is looked at, a hanging part is a finding, and nothing piles up."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator

import pytest
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from pytest_django import Settings

from apps.core import health
from apps.core.health import Check
from apps.core.i18n import both
from tests.services.redis import Redis


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start from the checks of the foundations alone."""
    own = {name: health._registered[name] for name in ("database", "broker", "redis", "disk")}
    monkeypatch.setattr(health, "_registered", own)


def verdicts(*, ready_only: bool = False) -> dict[str, bool]:
    return {check.name: check.ok for check in health.run(ready_only=ready_only)}


@pytest.fixture
def stack(own_redis: Redis, settings: Settings, registered: None) -> Redis:
    settings.CELERY_BROKER_URL = settings.REDIS_URL.replace("unix://", "redis+socket://")
    return own_redis


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("stack")
def test_all_is_well() -> None:
    assert verdicts() == {"database": True, "broker": True, "redis": True, "disk": True}
    assert verdicts(ready_only=True) == {"database": True, "broker": True}


@pytest.mark.django_db(transaction=True)
def test_a_broker_that_is_away_is_told_with_its_mend(stack: Redis) -> None:
    stack.stop()
    start = time.monotonic()
    found = {check.name: check for check in health.run(ready_only=False)}
    assert time.monotonic() - start < 4
    assert [name for name, check in found.items() if not check.ok] == ["broker", "redis"]
    assert "CELERY_BROKER_URL" in found["broker"].mend.in_("en")
    assert found["redis"].mend.zh


@pytest.mark.usefixtures("stack")
@pytest.mark.parametrize("address", ["amqp://guest:c4n4ry@127.0.0.1:1//", "redis://127.0.0.1:1/0"])
def test_other_brokers(settings: Settings, address: str) -> None:
    settings.CELERY_BROKER_URL = address
    broker = next(c for c in health.run(ready_only=False) if c.name == "broker")
    assert not broker.ok
    assert "c4n4ry" not in repr(broker)


@pytest.mark.usefixtures("stack")
def test_a_database_that_is_away_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: BaseDatabaseWrapper) -> None:
        raise OSError("no database")

    monkeypatch.setattr(BaseDatabaseWrapper, "ensure_connection", refuse)
    assert verdicts(ready_only=True) == {"database": False, "broker": True}


@pytest.mark.usefixtures("stack")
def test_a_full_disk_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    usage = type(shutil.disk_usage("/"))(100 * 1024**3, 99 * 1024**3, 1024**3)
    monkeypatch.setattr(health.shutil, "disk_usage", lambda path: usage)
    disk = next(check for check in health.run(ready_only=False) if check.name == "disk")
    assert not disk.ok
    assert disk.detail.in_("en") == "1024 MB free"
    assert disk.mend.in_("zh")


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


@pytest.mark.usefixtures("registered")
def test_a_hanging_check_fails_in_time_and_does_not_pile_up(
    gate: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "TIME_LIMIT", 0.2)
    monkeypatch.setattr(health, "_registered", {})
    started: list[int] = []

    def hang() -> Check:
        started.append(1)
        gate.wait()
        return Check("slow", True)

    health.register("slow", hang, ready=True)
    health.register("quick", lambda: Check("quick", True), ready=True)
    start = time.monotonic()
    for _ in range(3):
        assert verdicts() == {"slow": False, "quick": True}
    assert time.monotonic() - start < 2
    assert started == [1]
    gate.set()
    time.sleep(0.05)
    assert verdicts() == {"slow": True, "quick": True}


@pytest.mark.usefixtures("registered")
def test_what_a_check_raises_is_its_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_registered", {})

    def broken() -> Check:
        raise ValueError("c4n4ry")

    health.register("broken", broken, ready=False)
    (found,) = health.run(ready_only=False)
    assert (found.name, found.ok) == ("broken", False)
    assert "c4n4ry" not in repr(found)
    assert health.run(ready_only=True) == []


@pytest.mark.usefixtures("registered")
def test_a_name_is_registered_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_registered", {})
    for words in ("one", "two"):
        health.register("x", lambda w=words: Check("x", True, both(w, w)), ready=True)  # type: ignore[misc]
    assert [check.detail.en for check in health.run(ready_only=True)] == ["two"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("stack")
def test_no_connection_stays_behind() -> None:
    connection.ensure_connection()
    before = threading.active_count()
    for _ in range(5):
        health.run(ready_only=True)
    assert threading.active_count() <= before + 1
    assert connection.is_usable()
