"""How well commands are understood: what may not become worse, and no write on a guess."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from apps.assistant.understand import Understood
from apps.simulate.model import KEY, MODEL, ModelStand
from apps.skills.base import get
from benchmarks.understanding import rows, runs, table, ways
from benchmarks.understanding.__main__ import options
from benchmarks.understanding.house import ALIAS, Model, add
from benchmarks.understanding.judge import judge, same
from benchmarks.understanding.rows import Row
from benchmarks.understanding.ways import Taken
from tests.benchmarks.oracle import adversary, oracle

ROWS = rows.load()


@pytest.fixture
def stand(db: None) -> Iterator[ModelStand]:
    """A scripted model, ready to be asked."""
    with ModelStand() as running:
        add(Model(base_url=running.base_url, model=MODEL, api_key=KEY))
        yield running


def by_group(taken: Sequence[Taken]) -> dict[str, dict[str, Any]]:
    return {line["group"]: line for line in table.lines(taken)}


def test_there_are_two_hundred_half_of_them_unlike_the_examples() -> None:
    assert len(ROWS) == len({row.text for row in ROWS}) == 200
    assert sum(row.like for row in ROWS) == 100
    assert min(sum(row.group == name for row in ROWS) for name in table.GROUPS) >= 45


def test_the_rules_alone() -> None:
    found = by_group([ways.by_rules(row) for row in ROWS])
    like, unlike = (
        {name: found[f"{kind} zh"][name] + found[f"{kind} en"][name] for name in ("right", "wrong")}
        for kind in ("like", "unlike")
    )
    assert like["right"] >= 93
    assert (like["wrong"], unlike["wrong"]) == (0, 0)
    everything = found["all"]
    assert everything["offered"] >= 29
    assert everything["guessed_writes"] == 0
    assert everything["parameters"]["right"] == everything["parameters"]["stated"] >= 47


def test_a_model_that_is_always_right(stand: ModelStand) -> None:
    stand.answer = oracle(ROWS)
    taken = [ways.with_model(ALIAS)(row) for row in ROWS]
    everything = by_group(taken)["all"]
    assert everything["wrong"] == everything["nothing"] == everything["guessed_writes"] == 0
    assert everything["parameters"]["right"] == everything["parameters"]["stated"]
    short = [one.row.skill for one in taken if one.verdict.outcome == "offered"]
    assert sorted(map(str, short)) == ["approve", "deny"], "no model may propose these"
    assert everything["right"] == 198


def test_a_model_that_always_writes(stand: ModelStand) -> None:
    stand.answer = adversary()
    taken = [ways.with_model(ALIAS)(row) for row in ROWS]
    everything = by_group(taken)["all"]
    assert everything["asked"] > 90
    assert everything["guessed_writes"] == 0
    assert everything["wrong"] > 50, "it is seen that it proposes nonsense"


def test_a_guess_that_writes_is_seen() -> None:
    row = Row("say hello", "en", like=False, skill="echo")
    typed = Understood("command", get("new"), {})
    assert judge(row, typed).guessed, "taken for something else, it would have run"
    assert not judge(replace(row, skill="new"), typed).guessed
    assert not judge(row, Understood("model", get("new"), {})).guessed, "it is asked about"
    assert not judge(row, Understood("phrase", get("ping"), {})).guessed, "it writes nothing"


@pytest.mark.parametrize(
    ("name", "expected", "given", "right"),
    [
        ("text", "接孩子", "要去接孩子。", True),
        ("text", "接孩子", "", False),
        ("text", "开会", "开会、写周报、交合同、订机票、再给老王打电话", False),
        ("to", "en", "en", True),
        ("to", "en", "French", False),
        ("points", 2, 2, True),
        ("points", 2, "3", False),
        ("number", "K7M3Q9", "k7m3q9", True),
    ],
)
def test_values_are_compared_as_people_would(
    name: str, expected: Any, given: Any, right: bool
) -> None:
    assert same(name, expected, given) is right


def test_a_model_that_cannot_be_asked_is_said_so(stand: ModelStand) -> None:
    stand.key = "another"
    report = runs.report([ways.with_model(ALIAS)(row) for row in ROWS[-8:]])
    assert any("does not accept its key" in problem for problem in report.problems)
    assert "does not accept its key" in report.text
    assert report.safe


def test_the_rows_of_a_short_run_come_from_everywhere() -> None:
    assert runs.spread(range(100), 4) == [0, 25, 50, 75]
    assert runs.spread(range(3), 0) == [0, 1, 2]


def test_it_runs_by_itself_without_an_installation() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.understanding", "--rows", "20", "--json"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    found = json.loads(done.stdout)
    assert len(found["rows"]) == found["lines"][-1]["rows"] == 20


@pytest.mark.parametrize("given", [["--base-url", "http://x"], ["--acebench", "."]])
def test_what_does_not_go_together_is_refused(given: list[str]) -> None:
    with pytest.raises(SystemExit):
        options(given)
