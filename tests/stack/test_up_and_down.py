"""`up` under load: each child killed in its turn, SIGTERM, and a clean new start."""

from __future__ import annotations

import time

import pytest

from tests.console.stack import alive, wait_for
from tests.stack.house import OWN, PEOPLE, House
from tests.stack.sender import Sender, events

pytestmark = pytest.mark.stack
STOP_S = 15
BACK_S = 40  # a machine full of other work; a quiet one needs a tenth


def test_each_child_comes_back_and_serves_again(house: House) -> None:
    for role in ("flower", "beat", "valkey", "worker-jobs", "worker-io", "web"):
        house.home.settled(BACK_S)  # nothing is leased, so there is no lease to wait for
        below = house.home.family()
        began = time.monotonic()
        former = house.home.kill(role)
        house.home.back(former)
        started = time.monotonic() - began
        wait_for(house.home.ready, BACK_S, f"readiness without {role}")
        assert house.asks(PEOPLE[0], "/ping", BACK_S) == "pong"
        assert "Memory" in house.asks(PEOPLE[1], "/host", BACK_S)
        print(f"{role}: started after {started:.1f} s, all served {time.monotonic() - began:.1f} s")
        assert not alive(former[role])
        assert len(house.home.family()) <= len(below)
    house.home.settled(BACK_S)


@pytest.mark.slow_stack
def test_sigterm_under_load_ends_all_and_the_next_start_answers_the_rest(own_house: House) -> None:
    house = own_house
    sent = events(100, PEOPLE, 5, "term", OWN)
    naps = [house.say(person, "/nap 100") for person in PEOPLE[:2]]
    wait_for(lambda: [j["state"] for j in house.home.ask("jobs", skill="nap")] == ["running"] * 2)
    with Sender(house.home.port, sent, 60) as sender:
        wait_for(lambda: sender.tried >= 60, 20, "sending")
        seconds, left = house.home.terminate()
        print(f"{seconds:.1f} s from SIGTERM to the end, with both processes busy")
        assert left == []
        assert seconds < STOP_S
        assert house.home.pids() == {}
        began = time.monotonic()
        house.home.up()
        print(f"{time.monotonic() - began:.1f} s for the new start")
        wait_for(sender.done, BACK_S, "an acceptance of every message")
    for person, nap in zip(PEOPLE, house.home.ask("jobs", skill="nap"), strict=False):
        assert "Cancelled" in house.asks(person, f"/cancel {nap['number']}")
    expected = {*(event.id for event in sent), *naps}
    assert house.own.wait(lambda: expected <= house.answers().keys(), 30 + 5 + BACK_S)
    print(f"{time.monotonic() - began:.1f} s to the last answer")
    house.home.settled(30 + BACK_S)
    assert {key: n for key, n in house.answers().items() if n != 1} == {}
