"""Clocks that are wrong, beats that are too many or dead."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from tests.console.stack import wait_for
from tests.faults.case import CannotRun, case
from tests.faults.run import Run
from tests.faults.site import RABBIT, REDIS, Machine

LIBRARIES = ("/usr/lib/x86_64-linux-gnu/faketime", "/usr/lib/aarch64-linux-gnu/faketime",
             "/usr/lib/faketime")  # fmt: skip
BEAT = ("celery", "-A", "clawdbot", "beat", "--pidfile=", "-l", "INFO")
BEAT_S = 40
LEAD_S = 15  # the lease of a beat that fell silent
DEAD_S = 90


def _wrong_clock(shift: str) -> dict[str, str]:
    """The environment of a machine whose clock is wrong by so much."""
    found = [Path(f) / "libfaketimeMT.so.1" for f in LIBRARIES]
    library = next((path for path in found if path.exists()), None)
    if library is None:
        raise CannotRun("libfaketime is not installed (faketime)")
    return {
        "LD_PRELOAD": str(library),
        "FAKETIME": shift,
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "PYTHONPATH": str(Path(__file__).parents[1] / "wrong_clock"),
    }


@case("F15", "a worker's clock is 10 minutes fast, then slow; a web's an hour fast",
      "worker 时钟快 10 分钟、慢 10 分钟；web 时钟快 1 小时",
      setups=(REDIS, RABBIT), why_not="one machine has one clock")  # fmt: skip
def clocks(run: Run) -> None:
    """They go by the database's clock: jobs run, signatures are taken for fresh, on both ways."""
    site = run.site
    for shift in ("+10m", "-10m"):
        spare: Machine = site.spare(**_wrong_clock(shift))
        asked = [run.say(f"person{n:02d}", "/nap 0.1") for n in range(8)]
        run.until(lambda asked=asked: all(map(run.answered, asked)), BEAT_S, f"jobs at {shift}")  # type: ignore[misc]
        spare.terminate()
    web = site.spare("web", **_wrong_clock("+1h"))
    site.web.upstream = ("127.0.0.1", web.port)
    try:
        asked = [run.say(f"person{n:02d}", "/ping", on_desk=n % 2 == 0) for n in range(8)]
        run.check(
            {status for one in asked for status in one.event.statuses} <= {200, 202},
            "an event was refused by the web whose clock is wrong",
        )
        run.until(lambda: all(map(run.answered, asked)), BEAT_S, "answers with a wrong web")
    finally:
        site.web.upstream = ("127.0.0.1", site.front.port)
    web.terminate()


@case("F20", "three beats at once, then the leader falls silent",
      "三个 beat 同时运行，随后 leader 失联",
      count=400)  # fmt: skip
def beats(run: Run) -> None:
    """Each due time fires once."""
    home = run.site.front
    words = f"good morning {run.tag}"
    _schedule(run, words)
    for _ in range(2):
        said = home.start_more(*BEAT)
        wait_for(lambda said=said: "beat: Starting" in said.read_text(), BEAT_S, "a beat")  # type: ignore[misc]
    _fires(run, words, 1, BEAT_S)
    leader = home.pids()["beat"]
    os.kill(leader, signal.SIGSTOP)
    try:
        _fires(run, words, 2, LEAD_S + BEAT_S)
    finally:
        os.kill(leader, signal.SIGCONT)
    _fires(run, words, 3, BEAT_S)
    home.end_more()


@case("F21", "beat is dead for 90 s", "beat 停止 90 秒")
def beat_dead(run: Run) -> None:
    """What came due meanwhile is caught up once."""
    home = run.site.front
    words = f"good evening {run.tag}"
    _schedule(run, words)
    beat = home.pids()["beat"]
    os.kill(beat, signal.SIGSTOP)
    began = time.monotonic()
    try:
        home.ask("schedule_due", ago_s=0)
        run.wait(DEAD_S)
    finally:
        os.kill(beat, signal.SIGCONT)
    run.figures["dead_s"] = round(time.monotonic() - began)
    _until_fired(run, 1, BEAT_S)
    run.wait(5)
    _said(run, words, 1)


def _schedule(run: Run, words: str) -> None:
    asked = run.say("person02", f"/schedule every day at 9am /echo {words}")
    run.until(lambda: run.answered(asked), BEAT_S, "a schedule")


def _until_fired(run: Run, times: int, seconds: float) -> None:
    run.until(lambda: len(run.site.ask("firings")) >= times, seconds, "the firing")


def _fires(run: Run, words: str, times: int, seconds: float) -> None:
    run.site.ask("schedule_due", ago_s=2)
    _until_fired(run, times, seconds)
    _said(run, words, times)


def _said(run: Run, words: str, times: int) -> None:
    """It fired so often, and so often people were told."""

    def told() -> int:
        return sum(words in one["text"] for one in list(run.site.own.received)) - 1  # the schedule

    wait_for(lambda: told() >= times, BEAT_S, "what the schedule says")
    fired = run.site.ask("firings")
    run.check(fired == ["fired"] * times, f"firings are {fired}")
    run.check(told() == times, f"told {told()} times instead of {times}")
