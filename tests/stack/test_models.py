"""Many model calls at once in a running house: all are answered, and nobody else waits for them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass

import psutil
import pytest

from benchmarks.models.asking import Door, Heard, at_once
from benchmarks.models.patience import Patience
from benchmarks.models.rounds import load
from benchmarks.models.server import MODEL
from benchmarks.models.shape import Shape
from tests.console.stack import wait_for
from tests.stack.house import PEOPLE, House

pytestmark = pytest.mark.stack
CALLS = 40
SHAPE = Shape(calls=CALLS, first_s=0.3, total_s=1.0)
SLOW_S = 10  # what a machine full of other work may make of a call or a ping
PER_PERSON = 2


@dataclass
class Models:
    """A model that takes a second, in the house and by itself."""

    server: Patience
    through: Door


@pytest.fixture
def models(house: House) -> Iterator[Models]:
    """Everybody may use it; taken away again."""
    server = Patience(SHAPE)
    try:
        server.start()
        settings = [f"base_url={server.address}", f"model={MODEL}", "zone=internal"]
        house.home.command("model", "add", "slow", *settings)
        house.home.ask("allow", role="member", permissions=["model.use.slow"])
        token = house.home.ask("token", person=PEOPLE[0])
        yield Models(server, Door(house.home.port, "slow", token))
        house.home.settled(60)
        house.home.command("model", "remove", "slow")
    finally:
        server.stop()
        server.remove()


async def pinged(house: House, calls: asyncio.Task[list[Heard]]) -> list[float]:
    """Ping one after the other until the calls are done; seconds of each."""
    took: list[float] = []
    while not calls.done() or not took:
        began = time.monotonic()
        answer = await asyncio.to_thread(house.asks, PEOPLE[1], "/ping")
        took.append(time.monotonic() - began)
        assert "pong" in answer
    return took


def connections(house: House) -> int:
    """The database files that the web process holds open."""
    files = psutil.Process(house.home.pids()["web"]).open_files()
    return sum(file.path.endswith(".sqlite3") for file in files)


def test_many_streams_at_once_hold_up_nobody(house: House, models: Models) -> None:
    async def run() -> tuple[list[Heard], list[float], int]:
        calls = asyncio.create_task(at_once(models.through, CALLS))
        pings = asyncio.create_task(pinged(house, calls))
        open_files = 0
        while not calls.done():
            open_files = max(open_files, connections(house))
            await asyncio.sleep(0.1)
        return await calls, await pings, open_files

    heard, pings, open_files = asyncio.run(run())
    assert [one for one in heard if not one.ok] == []
    assert load(models.server.port)["asked"] == CALLS
    assert max(one.total_ms for one in heard) < 1000 * (SHAPE.total_s + SLOW_S)
    assert max(pings) < SLOW_S
    assert open_files < CALLS / 2, "who waits for a model holds no connection"


def test_many_questions_in_chats_wait_beside_each_other(house: House, models: Models) -> None:
    wait_for(lambda: "worker-model" in house.home.pids(), 60, "the worker that waits for models")
    asked = [house.say(person, "/ask why") for person in PEOPLE for _ in range(PER_PERSON)]
    began = time.monotonic()
    assert "pong" in house.asks(PEOPLE[0], "/ping")
    assert time.monotonic() - began < SLOW_S
    for one in asked:
        assert "word word" in house.answer(one, 90)["text"]
    seen = load(models.server.port)
    assert seen["asked"] == len(asked)
    assert seen["most"] > 4, "they are not asked one after the other"
