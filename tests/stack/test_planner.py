"""A sentence that only a model understands, from end to end: plan, permission, job, card; and a
plan whose worker is killed in the middle."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from apps.simulate.model import ModelStand, calls
from tests.console.stack import wait_for
from tests.stack import trials
from tests.stack.house import ANSWER_S, PEOPLE, House
from tests.stack.installation import Installation

pytestmark = pytest.mark.stack
LEASE_S = 30 + 5 + 10
READ = {"skill": "minutes", "parameters": {"day": "yesterday"}}
SUM_UP = {"skill": "digest", "parameters": {"text": {"$from": "s1"}, "points": 3}}


@pytest.fixture(scope="module")
def wall(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where `post` puts its lines."""
    return tmp_path_factory.mktemp("wall") / "lines"


@pytest.fixture(scope="module")
def stand() -> Iterator[ModelStand]:
    """A model server that says what it is told to."""
    with ModelStand() as running:
        yield running


@pytest.fixture(scope="module")
def home(
    tmp_path_factory: pytest.TempPathFactory, skills_path: str, wall: Path, stand: ModelStand
) -> Iterator[House]:
    """A house with a model."""
    folder = tmp_path_factory.mktemp("planner") / "home"
    env = {"PYTHONPATH": skills_path, trials.LEDGER: str(wall)}
    with House(Installation(folder, **env)) as found:
        found.home.ask("add_model", base_url=stand.base_url, role="operator")
        yield found


def plan(*steps: dict[str, Any]) -> dict[str, Any]:
    """What a model says that proposes these steps."""
    return calls(("plan", {"steps": list(steps)}))


def test_a_sentence_becomes_a_plan_that_runs(home: House, stand: ModelStand) -> None:
    stand.answers = [plan(READ, SUM_UP)]
    said = home.home.run("say", "把昨天的会议纪要总结成三点", "--json", timeout=ANSWER_S + 20)
    assert said.returncode == 0, said.stdout + said.stderr + home.home.complaints()
    found = json.loads(said.stdout)
    assert found["state"] == "succeeded"
    assert "3. On yesterday we met, agreed, and had lunch." in found["text"]
    assert "✓ 1. /minutes" in found["text"]
    job = json.loads(home.home.command("job", "show", found["job_id"], "--json"))
    assert job["skill"] == "plan"
    assert [(one["skill"], one["state"]) for one in job["steps"]] == [
        ("minutes", "succeeded"),
        ("digest", "succeeded"),
    ]
    home.home.command("audit", "verify")


@pytest.mark.parametrize("whom", ["process", pytest.param("worker", marks=pytest.mark.slow_stack)])
def test_a_plan_goes_on_after_a_kill_in_its_third_step(
    home: House, stand: ModelStand, wall: Path, whom: str
) -> None:
    words = [f"{whom} {number}" for number in range(1, 7)]
    waits = {3: 55.0}  # so long that only a kill ends it
    posts = [
        {"skill": "post", "parameters": {"what": one, "seconds": waits.get(number, 0.0)}}
        for number, one in enumerate(words, 1)
    ]
    stand.answers = [plan(*posts)]
    asked = home.say(PEOPLE[0], "put up six lines for everybody to see")
    approve(home)
    wait_for(lambda: states(home)[2:3] == ["running"], ANSWER_S, "the third step")
    wait_for(lambda: words[2] in wall.read_text(), ANSWER_S, "its line on the wall")
    began = time.monotonic()
    kill(home, whom)
    text = home.answer(asked, LEASE_S)["text"]
    print(f"{time.monotonic() - began:.1f} s from the kill to the answer")
    assert states(home) == ["succeeded"] * 6
    assert attempts(home) == [1, 1, 2, 1, 1, 1]
    lines = [line.partition(" ")[2] for line in wall.read_text().splitlines()]
    assert [line for line in lines if line.startswith(whom)] == words
    assert f"posted {words[5]}" in text
    assert home.answers()[asked] == 1


def approve(home: House) -> None:
    """Confirm the newest plan as its asker does."""
    home.until("plan", "asking")
    home.own.wait(lambda: bool(codes(home)), ANSWER_S)
    assert "Confirmed" in home.asks(PEOPLE[0], f"/approve {codes(home)[-1]}")


def codes(home: House) -> list[str]:
    """The codes on the cards that ask for a decision."""
    texts = [one["text"] for one in home.shown("progress")]
    return [found[1] for text in texts if (found := re.search(r"/approve (\w+)", text))]


def states(home: House) -> list[str]:
    return [one["state"] for one in home.home.ask("steps", skill="plan")]


def attempts(home: House) -> list[int]:
    return [one["attempts"] for one in home.home.ask("steps", skill="plan")]


def kill(home: House, whom: str) -> None:
    """kill -9 of the process that runs the plan, or of its whole worker."""
    if whom == "worker":
        home.home.back(home.home.kill("worker-jobs"))
        return
    os.kill(int(home.job("plan")["worker"].rpartition(":")[2]), signal.SIGKILL)
