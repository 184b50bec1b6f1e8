"""Rounds, medians, ratios, and who is asked."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import cast

from benchmarks import meter
from benchmarks.figures.growth import ratio, spread
from benchmarks.measure import Row, medians, middle, turned
from benchmarks.system import System


class Named:
    """As much of a system as rounds look at."""

    def __init__(self, name: str) -> None:
        self.name = name


SYSTEMS = [cast(System, Named(name)) for name in "abc"]


def test_each_comes_first_in_turn() -> None:
    orders = ["".join(s.name for s in turned(SYSTEMS, number)) for number in range(4)]
    assert orders == ["abc", "bca", "cab", "abc"]


async def test_rounds_interleave_and_the_middle_counts() -> None:
    asked: list[str] = []

    async def measure(system: System, tag: str) -> Row:
        asked.append(system.name)
        return {"cpu_ms": float(len(asked))}

    found = await medians(SYSTEMS, measure, 3)
    assert asked == list("abcbcacab")
    assert found == {"a": {"cpu_ms": 6.0}, "b": {"cpu_ms": 4.0}, "c": {"cpu_ms": 5.0}}


def test_what_was_answered_twice_is_added_up() -> None:
    assert middle([{"twice": 0, "x": 1}, {"twice": 2, "x": 3}, {"twice": 0, "x": 9}]) == {
        "twice": 2,
        "x": 3,
    }


def test_growth_is_large_divided_by_small_and_only_of_costs() -> None:
    small = {"cpu_ms": 2.0, "per_s": 9.0, "p50_ms": 1.0}
    large = {"cpu_ms": 3.0, "per_s": 1.0, "p50_ms": 2.0}
    assert ratio(small, large) == {"cpu_ms": 1.5}


def test_connections_share_nobody_and_go_round() -> None:
    who = spread(1000, 4)
    first = {who(0, count) for count in range(250)}
    assert first == set(range(250))
    assert {who(3, count) for count in range(250)} == set(range(750, 1000))


def test_cpu_of_children_that_ended_is_counted() -> None:
    burn = "import time\nwhile time.process_time() < 0.3: pass"
    before = meter.cpu_seconds([os.getpid()])
    subprocess.run([sys.executable, "-c", burn], check=True)
    assert 0.25 < meter.cpu_seconds([os.getpid()]) - before < 2


def test_a_tree_that_ended_costs_nothing() -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert meter.cpu_seconds([ended.pid]) == 0
