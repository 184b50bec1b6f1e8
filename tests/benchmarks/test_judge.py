"""The gate's decision: what counts as slower, and that noise in one round does not."""

from __future__ import annotations

import pytest

from benchmarks.judge import GAUGES, Samples, ratios, weakest, worse

PING, SPEED = "CPU per /ping, 64 chats", "/ping per second, 64 chats"
ACCEPTED = {PING: 2.0, SPEED: 0.5}


def samples(ours: list[float], bare: list[float]) -> Samples:
    def rows(costs: list[float]) -> list[dict[str, float]]:
        return [{"cpu_ms": cost, "per_s": 1000 / cost} for cost in costs]

    return {"ping_64": {"ours": rows(ours), "bare": rows(bare)}}


def test_a_ratio_is_of_the_best_rounds() -> None:
    found = ratios(samples([2.0, 9.0], [4.0, 1.0]))
    assert found == {PING: 2.0, SPEED: 0.5}


@pytest.mark.parametrize(
    ("cost", "failed"), [(2.0, []), (2.39, []), (2.41, [PING]), (1.0, []), (4.0, [PING])]
)
def test_a_cost_may_rise_by_a_fifth(cost: float, failed: list[str]) -> None:
    assert worse({PING: cost, SPEED: 0.5}, ACCEPTED) == failed


@pytest.mark.parametrize(("speed", "failed"), [(0.5, []), (0.41, []), (0.39, [SPEED]), (2.0, [])])
def test_a_speed_may_fall_by_a_fifth(speed: float, failed: list[str]) -> None:
    assert worse({PING: 2.0, SPEED: speed}, ACCEPTED) == failed


def test_one_bad_round_does_not_fail_but_bad_rounds_do() -> None:
    assert not worse(ratios(samples([2.1, 5.0], [1.0, 1.1])), ACCEPTED)
    assert worse(ratios(samples([2.9, 2.8], [1.0, 1.1])), ACCEPTED) == [PING, SPEED]


def test_what_is_no_longer_measured_fails() -> None:
    assert worse({SPEED: 0.5}, ACCEPTED) == [PING]


def test_every_gauge_of_the_baseline_is_known_and_all_are_accepted() -> None:
    import json

    from benchmarks.gate import BASELINE

    assert set(json.loads(BASELINE.read_text())["ratios"]) == set(GAUGES)


def test_the_weakest_of_several_measurements_is_accepted() -> None:
    taken = [
        {"CPU per acknowledgement": cpu, "/ping per second, 64 chats": speed}
        for cpu, speed in ((1.8, 1.1), (2.2, 0.9), (2.0, 1.3))
    ]
    accepted = {"CPU per acknowledgement": 2.2, "/ping per second, 64 chats": 0.9}
    assert weakest(taken) == accepted
