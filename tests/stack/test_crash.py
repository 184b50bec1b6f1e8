"""Whatever is killed in the middle of a run: each accepted message gets exactly one visible answer.

The short run (120 messages, embedded servers) is part of every `make test`. The long ones (500
messages; SQLite with the embedded Valkey, PostgreSQL with Redis) take about a minute each, most of
it one lease of 30 s, and are marked `slow_stack`: CI runs them, as does `pytest -m slow_stack`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import pytest
import redis

from tests.console.stack import wait_for
from tests.stack.house import OWN, PEOPLE, House
from tests.stack.sender import Event, Sender, events

pytestmark = pytest.mark.stack
RATE = 40
JOB_EVERY = 10
ACCEPT_S = 60  # until the web answers again, on a loaded machine
RECOVER_S = 90  # a lease of 30 s, 5 s to notice, then the jobs that queued up on a loaded machine
Act = tuple[float, Callable[[House], object]]


def storm(house: House, count: int, tag: str, acts: Sequence[Act]) -> None:
    """Send `count` messages, do each act when its share of them was sent, look at the answers."""
    sent = events(count, PEOPLE, JOB_EVERY, tag)
    began = time.monotonic()
    with Sender(house.home.port, OWN, sent, RATE) as sender:
        for share, act in acts:
            wait_for(lambda goal=share * count: sender.tried >= goal, ACCEPT_S, "sending")
            act(house)
        last_act = time.monotonic()
        wait_for(sender.done, ACCEPT_S, "an acceptance of every message")
    assert sender.odd() == {}
    wait_answered(house, sent)
    ended = time.monotonic()
    print(f"{tag}: {ended - last_act:.1f} s from the last act, {ended - began:.1f} s in all")
    house.home.settled(RECOVER_S)
    judge(house, sent)


def wait_answered(house: House, sent: list[Event]) -> None:
    """Wait for the last answer; the error names what is missing."""
    asked = {event.id for event in sent}
    if house.own.wait(lambda: asked <= house.answers().keys(), RECOVER_S):
        return
    missing = sorted(asked - house.answers().keys())
    rows = "\n".join(house.home.ask("details"))
    raise AssertionError(
        f"{len(missing)} unanswered, first {missing[:5]}\n{rows}\n{house.home.complaints()}"
    )


def judge(house: House, sent: list[Event]) -> None:
    """Exactly one answer each, the right one, and an audit that is whole."""
    found = house.answers()
    assert {event.id: found[event.id] for event in sent if found[event.id] != 1} == {}
    texts = {one["in_reply_to"]: one["text"] for one in house.shown("answer")}
    for event in sent:
        assert ("pong" if event.body["text"] == "/ping" else "Memory") in texts[event.id]
    assert house.own.problems == []
    house.home.command("audit", "verify")


def kill(*roles: str) -> Callable[[House], None]:
    """kill -9 of these children; `up` starts them again."""

    def act(house: House) -> None:
        house.home.back(house.home.kill(*roles))

    return act


def kill_broker(house: House) -> None:
    """kill -9 of Redis. The installed one comes back empty, the embedded one from its journal."""
    if house.redis is None:
        house.home.back(house.home.kill("valkey"))
    else:
        house.redis.stop()
        house.redis.start()


def flush(house: House) -> None:
    """FLUSHALL."""
    url = house.redis.url if house.redis else f"unix://{house.home.home / 'run' / 'valkey.sock'}"
    with redis.Redis.from_url(url) as client:
        client.flushall()


def kill_all(house: House) -> None:
    """kill -9 of `up` and all its children, and of Redis; then everything is started again."""
    house.home.kill_everything()
    if house.redis is not None:
        house.redis.stop()
        house.redis.start()
    house.home.up()


WORKERS = ("worker-io", "worker-jobs")
ONE_BY_ONE: list[Act] = [(0.5, kill(*WORKERS)), (0.65, kill_broker), (0.8, kill("web"))]
FLUSHES: list[Act] = [(share, flush) for share in (0.2, 0.4, 0.6, 0.8, 1.0)]
ALL_AT_ONCE: list[Act] = [(0.5, kill_all)]


def test_workers_broker_and_web_are_killed(house: House) -> None:
    storm(house, 120, "kills", ONE_BY_ONE)


def test_redis_is_flushed(house: House) -> None:
    storm(house, 120, "flush", FLUSHES)


@pytest.fixture(params=["sqlite", "servers"])
def big_house(request: pytest.FixtureRequest) -> House:
    """Both kinds of installation."""
    name = "house" if request.param == "sqlite" else "house_on_servers"
    found: House = request.getfixturevalue(name)
    return found


@pytest.mark.slow_stack
@pytest.mark.parametrize("acts", [ONE_BY_ONE, FLUSHES, ALL_AT_ONCE], ids=["kills", "flush", "all"])
def test_nothing_is_lost_or_said_twice_in_500(
    big_house: House, acts: list[Act], request: pytest.FixtureRequest
) -> None:
    storm(big_house, 500, request.node.callspec.id, acts)
