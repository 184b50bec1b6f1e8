"""Jobs in real worker processes: cancelled, too slow, hanging in C, dying with their process."""

from __future__ import annotations

import time
from collections.abc import Iterator

import psutil
import pytest

from tests.console.stack import wait_for
from tests.stack.house import PEOPLE, House

pytestmark = pytest.mark.stack
ONE, TWO, THREE = PEOPLE[:3]
CANCEL_S = 3
LOAD_S = 10  # what a machine full of other work adds


@pytest.fixture(autouse=True)
def _nothing_left(house: House) -> Iterator[None]:
    """Every test ends with everything at its end, and an answer to each of its messages."""
    yield
    house.home.settled(40)
    assert {key: n for key, n in house.answers().items() if n != 1} == {}


def pool(house: House) -> set[int]:
    """The processes that run jobs."""
    worker = psutil.Process(house.home.pids()["worker-jobs"])
    return {child.pid for child in worker.children(recursive=True)}


def test_cancel_ends_a_running_job_and_frees_its_process(house: House) -> None:
    before = pool(house)
    naps = [house.say(person, "/nap 100") for person in (ONE, TWO)]  # all processes are taken
    wait_for(
        lambda: [j["state"] for j in house.home.ask("jobs", skill="nap")[-2:]] == ["running"] * 2,
        20,
        "both naps",
    )
    waiting = house.say(THREE, "/host")
    began = time.monotonic()
    for person, job in zip((ONE, TWO), house.home.ask("jobs", skill="nap")[-2:], strict=True):
        assert "Cancelled" in house.asks(person, f"/cancel {job['number']}")
    assert "Memory" in house.answer(waiting)["text"]
    print(f"{time.monotonic() - began:.1f} s from the first cancel to the answer of the next job")
    assert time.monotonic() - began < CANCEL_S + LOAD_S
    for nap in naps:
        assert "cancel" in house.answer(nap)["text"].lower()
    assert {j["state"] for j in house.home.ask("jobs", skill="nap")[-2:]} == {"cancelled"}
    assert pool(house) == before  # asked to stop, they did: no process had to be killed


@pytest.mark.parametrize(
    "skill", ["snooze", pytest.param("grind", marks=pytest.mark.slow_stack), "freeze"]
)
def test_what_takes_too_long_is_stopped_even_in_c(house: House, skill: str) -> None:
    began = time.monotonic()
    asked = house.say(ONE, f"/{skill}")
    house.until(skill, "running")
    assert "Memory" in house.asks(TWO, "/host")  # the other process works on
    assert "longer than 2" in house.answer(asked)["text"]
    print(f"{skill}: {time.monotonic() - began:.1f} s until its answer")
    job = house.job(skill)
    assert (job["state"], job["attempts"], job["last_error"]) == ("failed", 1, "timeout")
    wait_for(lambda: len(pool(house)) == 2, 20, "two processes again")
    for person in (ONE, TWO):
        assert "Memory" in house.asks(person, "/host")


@pytest.mark.parametrize(
    "skill", ["vanish", pytest.param("segfault", marks=pytest.mark.slow_stack)]
)
def test_what_kills_its_process_three_times_is_given_up(house: House, skill: str) -> None:
    began = time.monotonic()
    asked = house.say(ONE, f"/{skill}")
    others = [house.say(person, "/host") for person in PEOPLE[2:8]]
    assert house.asks(TWO, "/ping") == "pong"
    assert "interrupted 3 times" in house.answer(asked)["text"]
    print(f"{skill}: {time.monotonic() - began:.1f} s until it was given up")
    job = house.job(skill)
    assert (job["state"], job["attempts"]) == ("dead", 3)
    for other in others:
        assert "Memory" in house.answer(other)["text"]
    assert {j["attempts"] for j in house.home.ask("jobs", skill="host")[-6:]} == {1}


@pytest.mark.slow_stack
def test_a_job_whose_worker_is_killed_runs_again_after_its_lease(house: House) -> None:
    asked = house.say(ONE, "/nap 2")
    house.until("nap", "running")
    began = time.monotonic()
    house.home.back(house.home.kill("worker-jobs"))
    assert house.answer(asked, 30 + 5 + LOAD_S)["text"] == "slept well"
    print(f"{time.monotonic() - began:.1f} s from the kill to the answer, 2 s of it the job's")
    assert house.job("nap")["attempts"] == 2


@pytest.mark.slow_stack
def test_a_process_that_hangs_keeps_its_job_until_its_time_is_over(house: House) -> None:
    asked = house.say(ONE, "/chill")
    house.until("chill", "running")
    assert "longer than 40" in house.answer(asked, 40 + 5 + LOAD_S)["text"]
    assert house.job("chill")["attempts"] == 1
