"""Limits between real processes, whose clocks disagree, on each store.

LIMIT_TEST_SECONDS=30 makes them run for as long as a release is measured.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

ROOT = Path(__file__).resolve().parents[2]
SECONDS = float(os.environ.get("LIMIT_TEST_SECONDS", "6"))
QPS, BURST = 20, 5
pytestmark = pytest.mark.stack

Start = Callable[..., subprocess.Popen[str]]
Line = dict[str, Any]


@pytest.fixture
def start(request: pytest.FixtureRequest, redis_url: str, tmp_path: Path) -> Iterator[Start]:
    """Starts workers on the store that the test is given."""
    started: list[subprocess.Popen[str]] = []

    def begin(store: str, **given: object) -> subprocess.Popen[str]:
        url = request.getfixturevalue("postgres_url") if store == "postgresql" else ""
        env = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "clawdbot.settings.test",
            "CLAWDBOT_TEST_REDIS_URL": settings.REDIS_URL,
            "CLAWDBOT_TEST_DATABASE_URL": url,
        }
        given |= {"store": store, "folder": str(tmp_path)}
        argv = [sys.executable, "-m", "tests.llm.limit_workers", json.dumps(given)]
        started.append(subprocess.Popen(argv, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True))
        return started[-1]

    yield begin
    for one in started:
        if one.poll() is None:
            one.terminate()
        one.communicate(timeout=30)


def lines(workers: subprocess.Popen[str]) -> list[Line]:
    """What all of them said, after they ended."""
    out, _ = workers.communicate(timeout=SECONDS + 60)
    assert workers.returncode == 0
    return [json.loads(line) for line in out.splitlines()]


@pytest.mark.parametrize("store", ["redis", "sqlite", "postgresql"])
def test_four_workers_never_call_more_often_than_they_may(start: Start, store: str) -> None:
    found = lines(start(store, workers=4, qps=QPS, seconds=SECONDS))
    worst = most_over(found)
    span = max(one["had"] for one in found) - min(one["asked"] for one in found)
    by_worker = [sum(one["worker"] == number for one in found) for number in range(4)]
    print(f"{store}: {len(found)} slots in {span:.1f} s, worst {worst:+.2f}, by worker {by_worker}")
    assert worst <= 0.01, "more than rate x t + burst"
    assert len(found) >= 0.7 * QPS * span, "the rate is not used"
    assert min(by_worker) > 0.6 * len(found) / 4, "somebody starved"


def most_over(found: list[Line]) -> float:
    """By how much the worst stretch of time had more slots than rate x t + burst.

    A slot counts for a stretch only when it was both asked for and had within it.
    """
    slots = sorted((one["had"], one["asked"]) for one in found)
    worst = -float(BURST)
    for begin in sorted(asked for _, asked in slots):
        inside = [had for had, asked in slots if asked >= begin]
        for count, had in enumerate(inside, start=1):
            worst = max(worst, count - QPS * (had - begin) - BURST)
    return worst


@pytest.mark.parametrize("store", ["redis", "postgresql"])
def test_six_workers_never_have_five_calls_under_way(start: Start, store: str) -> None:
    found = lines(start(store, workers=6, in_flight=4, seconds=SECONDS / 2, hold=(0.02, 0.12)))
    turns = [(one["had"], 1) for one in found] + [(one["gone"], -1) for one in found]
    now = most = 0
    for _, change in sorted(turns):
        now += change
        most = max(most, now)
    workers = {one["worker"] for one in found}
    print(f"{store}: {len(found)} slots, at most {most} at once, of {len(workers)} workers")
    assert most == 4
    assert workers == set(range(6))


@pytest.mark.parametrize("store", ["redis", "sqlite"])
def test_a_killed_workers_slot_comes_back_within_its_lease(start: Start, store: str) -> None:
    lease = 3.0
    workers = start(
        store, workers=2, in_flight=1, seconds=30, for_ever=True, lease=lease, beat=lease / 4
    )  # fmt: skip
    assert workers.stdout is not None
    first = json.loads(workers.stdout.readline())
    time.sleep(1.5 * lease)  # its lease is renewed: the other one still waits
    os.kill(first["pid"], signal.SIGKILL)
    killed = time.monotonic()
    second = json.loads(workers.stdout.readline())
    print(f"{store}: the slot was free again after {second['had'] - killed:.2f} s of {lease:.0f}")
    assert second["pid"] != first["pid"]
    assert 0 < second["had"] - killed <= lease + 1.5
    os.kill(second["pid"], signal.SIGKILL)
