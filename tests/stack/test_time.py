"""Time passes in a real installation: a reminder, a schedule under two beats, a right withdrawn.

The clock is moved in the rows: what was due later is due now.
"""

from __future__ import annotations

import os
import signal
import time

import pytest

from tests.console.stack import wait_for
from tests.stack.house import ANSWER_S, PEOPLE, House

pytestmark = pytest.mark.stack
ONE, TWO, THREE = PEOPLE[10:13]
LEAD_S = 15  # the lease of a beat that fell silent
BEAT = ("celery", "-A", "clawdbot", "beat", "--pidfile=", "-l", "INFO")


def notices(house: House, words: str) -> list[str]:
    """The notices with these words."""
    return [one["text"] for one in house.own.received if words in one["text"]]


def test_a_reminder_arrives_when_its_time_has_come(house: House) -> None:
    assert "Reminder" not in house.asks(ONE, "/remind in 20 minutes stretch your legs")
    began = time.monotonic()
    assert house.home.ask("make_due", skill="remind", ago_s=1) == 1
    words = "Reminder: stretch your legs"
    assert house.own.wait(lambda: bool(notices(house, words)), ANSWER_S)
    print(f"{time.monotonic() - began:.1f} s from due to shown")
    house.home.settled(ANSWER_S)
    assert len(notices(house, words)) == 1
    (notice,) = [one for one in house.own.received if words in one["text"]]
    assert (notice["role"], notice["conversation"]["id"]) == ("notice", f"c-{ONE}")


def test_a_reminder_that_came_due_while_everything_was_off_arrives_once(house: House) -> None:
    house.asks(ONE, "/remind in 20 minutes water the plants")
    house.home.settled(ANSWER_S)
    house.home.kill("worker-io", "beat")
    assert house.home.ask("make_due", skill="remind", ago_s=600) == 1
    words = "Reminder: water the plants"
    assert house.own.wait(lambda: bool(notices(house, words)), 30 + ANSWER_S)
    house.home.settled(ANSWER_S)
    assert len(notices(house, words)) == 1


def test_each_due_time_fires_once_under_two_beats(house: House) -> None:
    assert "Number" in house.asks(TWO, "/schedule every day at 9am /echo good morning")
    before = len(notices(house, "good morning"))
    said = house.home.start_more(*BEAT)
    wait_for(lambda: "beat: Starting" in said.read_text(), ANSWER_S, "the second beat")

    def fire(times: int, seconds: float) -> float:
        began = time.monotonic()
        house.home.ask("schedule_due", ago_s=2)
        wait_for(lambda: len(house.home.ask("firings")) == times, seconds, "the firing")
        house.own.wait(lambda: len(notices(house, "good morning")) == before + times, ANSWER_S)
        house.home.settled(ANSWER_S)
        assert house.home.ask("firings") == ["fired"] * times
        assert len(notices(house, "good morning")) == before + times
        return time.monotonic() - began

    print(f"{fire(1, ANSWER_S):.1f} s with both beats")
    leader = house.home.pids()["beat"]
    os.kill(leader, signal.SIGSTOP)  # it still believes that it leads
    try:
        print(f"{fire(2, LEAD_S + ANSWER_S):.1f} s with the leader silent")
    finally:
        os.kill(leader, signal.SIGCONT)
    print(f"{fire(3, ANSWER_S):.1f} s with the former leader awake again")


def test_a_right_that_was_taken_away_before_the_start_stops_the_job(house: House) -> None:
    worker = house.home.pids()["worker-jobs"]
    os.kill(worker, signal.SIGSTOP)
    try:
        asked = house.say(THREE, "/host")
        wait_for(lambda: house.home.ask("queued", skill="host"), ANSWER_S, "a job on its way")
        house.home.ask("remove_role", person=THREE, role="operator")
    finally:
        os.kill(worker, signal.SIGCONT)
    text = house.answer(asked, 30 + ANSWER_S)["text"]
    assert "skill.host" in text
    assert "Memory" not in text
    assert house.job("host")["state"] == "denied"
    house.home.settled(ANSWER_S)
    assert house.answers()[asked] == 1
