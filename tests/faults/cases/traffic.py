"""Events come again, in the wrong order, or all at once; everything is deployed anew meanwhile."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

from tests.console.stack import wait_for
from tests.faults import pace
from tests.faults.case import case
from tests.faults.load import Asked
from tests.faults.run import Run
from tests.faults.site import RABBIT, REDIS
from tests.stack.sender import Attempt

TIMES = 5
SOME = 40
LATER_S = 600
ALL_S = 60


@case("F17", "events are delivered 5 times at once, again 10 minutes later, again after a restart",
      "同一事件并发投递 5 次，10 分钟后及重启后再次投递")  # fmt: skip
def repeats(run: Run) -> None:
    some = [one for one in run.asked if one.event.accepted_at][:SOME]
    parallel = [run.say(f"person{n:02d}", "/ping", on_desk=n % 2 == 0) for n in range(10)]
    some += parallel
    with ThreadPoolExecutor(TIMES) as hands:
        for one in some:
            run.check(all(_again(run, one, hands, TIMES)), "a repeat was not accepted")
    run.site.front.settled(ALL_S)
    run.site.ask("age", ids=[one.event.id for one in some], seconds=LATER_S)
    with run.site.redis() as client:
        client.flushall()  # whatever was remembered outside the database
    front = run.site.front
    with ThreadPoolExecutor(1) as hands:
        run.check(all(ok for one in some for ok in _again(run, one, hands, 1)), "10 minutes later")
        front.back(front.kill("web"))
        run.until(lambda: front.get("/healthz/live") == 200, ALL_S, "the web")
        run.check(all(ok for one in some for ok in _again(run, one, hands, 1)), "after a restart")


def _again(run: Run, one: Asked, hands: ThreadPoolExecutor, times: int) -> list[bool]:
    """Deliver it so many times at once; was each accepted?"""
    attempts: list[Attempt] = list(hands.map(run.sender.send, [one.event] * times))
    one.event.attempts += attempts
    return [attempt.outcome == "ok" for attempt in attempts]


@case("F18", "a cancel before the start, decisions before and after their time",
      "启动前取消，以及过早和过晚的审批")  # fmt: skip
def disorder(run: Run) -> None:
    """As if in order, or refused."""
    early = run.say("person01", "/cancel J000000")  # nothing of that name yet
    soon = run.say("person01", "/approve 000000")
    run.until(lambda: run.answered(early) and run.answered(soon), ALL_S, "answers to the early")
    asked = run.say("person01", "/nap 100")
    run.until(lambda: run.site.ask("job_of", message=asked.event.id), ALL_S, "a job")
    number = run.site.ask("job_of", message=asked.event.id)["number"]
    stop = run.say("person01", f"/cancel {number}")
    run.until(lambda: run.answered(asked) and run.answered(stop), ALL_S, "the end of the job")
    found = run.site.ask("job_of", message=asked.event.id)
    run.check(found["state"] == "cancelled", f"the cancelled job is {found['state']}")
    again = run.say("person01", f"/cancel {number}")
    run.until(lambda: run.answered(again), ALL_S, "an answer to the second cancel")


@case("F19", "a rolling restart of web and workers (SIGTERM)", "web 与 worker 滚动重启（SIGTERM）",
      setups=(REDIS, RABBIT), why_not="one machine has one web")  # fmt: skip
def rolling(run: Run) -> None:
    """No connection is refused."""
    site, began = run.site, time.monotonic()
    green = site.spare("web")
    site.web.upstream = ("127.0.0.1", green.port)
    front = site.front
    former = front.pids()["web"]
    run.terminate(former)
    front.back({"web": former})
    run.until(lambda: front.get("/healthz/live") == 200, ALL_S, "the web")
    site.web.upstream = ("127.0.0.1", front.port)
    green.terminate()
    other = site.spare()
    seconds, left = site.back.terminate()
    run.check(not left and seconds < 15, f"the workers ended after {seconds:.0f} s, left {left}")
    site.back.rise()
    other.terminate()
    bad = [a for one in run.asked for a in one.event.attempts if a.began > began and a.status == 0]
    run.check(not bad, f"{len(bad)} connections were broken")


@case("F23", "2,000 events in 5 s", "5 秒内 2,000 个事件", count=2000, rate=400, hands=48)
def herd(run: Run) -> None:
    """All accepted, 99 of 100 within 1 s, and nobody has to wait for somebody else's heap."""
    wait_for(run.sender.done, ALL_S, "an acceptance of every message")
    took = [a.ended - a.began for one in run.asked for a in one.event.attempts]
    figure = pace.percentile(took, 0.99)
    run.figures["p99_accept_s"] = round(figure, 3)
    run.check(figure < 1, f"p99 of an acceptance is {figure:.2f} s")
    run.check(all(a.outcome == "ok" for one in run.asked for a in one.event.attempts), "refusals")
    lone = run.say("probe0", "/ping")
    waited = run.until(lambda: run.answered(lone), ALL_S, "an answer to somebody else")
    run.figures["somebody_else_s"] = round(waited, 2)
