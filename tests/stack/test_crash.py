"""Whatever is killed in the middle of a run: each accepted message gets exactly one visible answer.

The short runs (120 messages, embedded servers) are part of every `make test`. The long ones (500
messages; SQLite with the embedded Valkey, PostgreSQL with Redis) take 20 to 50 s each, most of it
one lease of 30 s, and are marked `slow_stack`: all of that mark together take 10 minutes on two
busy cores, so CI runs them, as does `pytest -m slow_stack`.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Sequence
from itertools import pairwise

import pytest
import redis

from tests.console.stack import wait_for
from tests.stack.house import OWN, PEOPLE, House
from tests.stack.sender import Event, Sender, events

pytestmark = pytest.mark.stack
RATE = 40
JOB_EVERY = 10
ORDER_S = 0.3  # two messages this far apart were accepted one after the other
DELAY_S = 0.3  # so slow is the receiver that at any moment some answers are under way
ACCEPT_S = 60  # until the web answers again, on a loaded machine
RECOVER_S = 90  # a lease of 30 s, 5 s to notice, then the jobs that queued up on a loaded machine
Act = tuple[float, Callable[[House], object]]


def storm(house: House, count: int, tag: str, acts: Sequence[Act]) -> None:
    """Send `count` messages, do each act when its share of them was sent, look at the answers."""
    sent = events(count, PEOPLE, JOB_EVERY, tag, OWN)
    began = time.monotonic()
    house.own.delay_s = DELAY_S
    with Sender(house.home.port, sent, RATE) as sender:
        for share, act in acts:
            wait_for(lambda goal=share * count: sender.tried >= goal, ACCEPT_S, "sending")
            act(house)
        last_act = time.monotonic()
        wait_for(sender.done, ACCEPT_S, "an acceptance of every message")
    assert sender.odd() == {}
    wait_answered(house, sent)
    house.own.delay_s = 0
    ended = time.monotonic()
    print(f"{tag}: {ended - last_act:.1f} s from the last act, {ended - began:.1f} s in all")
    house.home.settled(RECOVER_S)
    judge(house, sent)


def in_order(house: House, sent: list[Event]) -> None:
    """In each chat the answers that wait for no job are seen in the order of the messages.

    What had to be sent again is left out: it may have been stored when its answer got lost.
    """
    seen = {one["in_reply_to"]: place for place, one in enumerate(house.own.received)}
    quick = [e for e in sent if e.body["text"] == "/ping" and len(e.statuses) == 1]
    for person in PEOPLE:
        mine = [event for event in quick if event.body["sender"]["id"] == person]
        mine.sort(key=lambda event: event.accepted_at)
        for first, second in pairwise(mine):
            sure = second.accepted_at - first.accepted_at > ORDER_S
            assert not sure or seen[first.id] < seen[second.id], (first.id, second.id)


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
    in_order(house, sent)
    assert house.own.problems == []
    assert "database is locked" not in house.home.complaints()
    house.home.command("audit", "verify")


def kill(*roles: str) -> Callable[[House], None]:
    """kill -9 of these children; `up` starts them again."""

    def act(house: House) -> None:
        house.home.back(house.home.kill(*roles))

    return act


def kill_workers(house: House) -> None:
    """kill -9 of both workers, just when the receiver has taken an answer and not said so yet."""
    seen = len(house.own.received)
    assert house.own.wait(lambda: len(house.own.received) > seen, ACCEPT_S)
    kill(*WORKERS)(house)


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
SECOND_WORKER = (
    "celery",
    "-A",
    "clawdbot",
    "worker",
    "-n",
    "second@%h",
    "-P",
    "threads",
    "-c",
    "4",
)
SECOND_WORKER += ("-Q", "control,interactive", "-l", "INFO", "--without-gossip", "--without-mingle")
AWAY_S = 3
SLEEP_S = 35
ONE_BY_ONE: list[Act] = [(0.5, kill_workers), (0.65, kill_broker), (0.8, kill("web"))]
FLUSHES: list[Act] = [(share, flush) for share in (0.2, 0.4, 0.6, 0.8, 1.0)]
ALL_AT_ONCE: list[Act] = [(0.5, kill_all)]


def test_workers_broker_and_web_are_killed(house: House) -> None:
    before = house.own.repeats
    storm(house, 120, "kills", ONE_BY_ONE)
    # What was under way when its worker died came again, under the same key.
    assert house.own.repeats > before


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


@pytest.mark.slow_stack
def test_a_database_that_is_away_for_a_moment(house_on_servers: House) -> None:
    """PostgreSQL cuts everybody off and takes no connections: 503 until it does again."""

    def act(house: House) -> None:
        house.database.lock_out()
        try:
            began = time.monotonic()
            wait_for(lambda: time.monotonic() > began + AWAY_S, AWAY_S + 1, "a while")
        finally:
            house.database.let_in()

    storm(house_on_servers, 300, "database", [(0.3, act), (0.6, act)])


@pytest.mark.slow_stack
def test_a_worker_that_slept_through_its_leases_changes_nothing(house_on_servers: House) -> None:
    """A stopped process is taken for dead; when it goes on, its work belongs to somebody else."""
    house = house_on_servers
    said = house.home.start_more(*SECOND_WORKER)
    wait_for(lambda: "ready" in said.read_text(), ACCEPT_S, "a second worker")
    worker = house.home.pids()["worker-io"]
    sent = events(200, PEOPLE, JOB_EVERY, "zombie", OWN)
    try:
        with Sender(house.home.port, sent, RATE) as sender:
            wait_for(lambda: sender.tried >= 100, ACCEPT_S, "sending")
            os.kill(worker, signal.SIGSTOP)
            stopped = time.monotonic()
            wait_for(sender.done, ACCEPT_S, "an acceptance of every message")
        wait_for(lambda: time.monotonic() > stopped + SLEEP_S, SLEEP_S + 1, "the end of its leases")
    finally:
        os.kill(worker, signal.SIGCONT)
    wait_answered(house, sent)
    house.home.settled(RECOVER_S)
    judge(house, sent)


@pytest.mark.slow_stack
def test_a_redis_that_hangs_holds_up_no_acceptance_and_no_answer(house: House) -> None:
    """It takes connections and never answers: worse than one that is gone."""
    house.home.settled(RECOVER_S)
    server = house.home.pids()["valkey"]
    sent = events(40, PEOPLE, JOB_EVERY, "hang", OWN)
    quick = {event.id for event in sent if event.body["text"] == "/ping"}
    os.kill(server, signal.SIGSTOP)
    began = time.monotonic()
    try:
        with Sender(house.home.port, sent, RATE) as sender:
            wait_for(sender.done, 10, "an acceptance of every message")
        assert {status for event in sent for status in event.statuses} == {202}
        assert house.own.wait(lambda: quick <= house.answers().keys(), RECOVER_S)
        print(f"hang: {time.monotonic() - began:.1f} s to the last quick answer, without Redis")
    finally:
        os.kill(server, signal.SIGCONT)
    wait_answered(house, sent)
    house.home.settled(RECOVER_S)
    judge(house, sent)
