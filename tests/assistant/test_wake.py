"""Wake-ups: nobody waits for them, none is lost, and a silent server is not asked twice."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kombu.exceptions import OperationalError

from apps.assistant import wake
from clawdbot import celery


@pytest.fixture
def silent(tmp_path: Path) -> Iterator[str]:
    """The address of a server that takes connections and never says a word."""
    path = tmp_path / "silent.sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen(64)
        yield str(path)


async def test_calls_during_a_call_are_one_more_call(monkeypatch: pytest.MonkeyPatch) -> None:
    began: list[str] = []
    gate = asyncio.Event()

    async def slowly(lane: str) -> None:
        began.append(lane)
        await gate.wait()

    monkeypatch.setattr(wake, "wake_async", slowly)
    waker = wake.Waker()
    waker.wake("interactive")
    await asyncio.sleep(0)
    for lane in ("interactive", "interactive", "control", "interactive"):
        waker.wake(lane)
    await asyncio.sleep(0)
    assert began == ["interactive", "control"]
    gate.set()
    async with asyncio.timeout(5):
        while len(began) < 3:
            await asyncio.sleep(0)
    waker.wake("control")  # after its end: anew
    async with asyncio.timeout(5):
        while len(began) < 4:
            await asyncio.sleep(0)
    assert began[2:] == ["interactive", "control"]


def test_a_redis_that_gave_no_answer_is_not_asked_once_more_as_broker(
    silent: str, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    published: list[str] = []
    monkeypatch.setattr(wake, "_publish", published.append)
    settings.REDIS_URL = f"unix://{silent}?socket_timeout=0.2"
    settings.CELERY_BROKER_URL = f"redis+socket://{silent}?socket_timeout=0.2"
    wake.wake("interactive")
    assert published == []
    settings.CELERY_BROKER_URL = "amqp://elsewhere"
    wake.wake("interactive")
    assert published == ["interactive"]


def test_whoever_publishes_gives_up_on_a_silent_broker_within_seconds(silent: str) -> None:
    options = celery.impatient()
    began = time.monotonic()
    with (
        celery.app.connection_for_write(
            f"redis+socket://{silent}", transport_options=options
        ) as connection,
        connection.Producer() as producer,
        pytest.raises(OperationalError, match="Timeout"),
    ):
        producer.publish("x", routing_key="interactive", retry=False)
    assert time.monotonic() - began < 20
