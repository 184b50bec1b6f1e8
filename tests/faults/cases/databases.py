"""The database goes away, answers late or never, or does what it was asked and cannot say so."""

from __future__ import annotations

import time

from tests.faults.case import case
from tests.faults.run import Run
from tests.faults.site import RABBIT, REDIS

SERVERS = (REDIS, RABBIT)
NO_SERVER = "SQLite is no server"
AWAY_S = 10
FAST_S = 2.0
CUTS = 20
PARTED_S = 40  # a lease of 30 s runs out meanwhile


@case("F6", "PostgreSQL crashes (immediate stop), back after 10 s", "PostgreSQL 崩溃，10 秒后恢复",
      setups=SERVERS, why_not=NO_SERVER)  # fmt: skip
def crash(run: Run) -> None:
    """503 within 2 s, never a 2xx."""
    postgres = run.site.servers.postgres
    assert postgres is not None
    postgres.crash()
    with run.store_away():
        run.wait(AWAY_S)
    began, ended = run.closed[-1]
    postgres.start()
    inside = [
        a for one in run.asked for a in one.event.attempts if began < a.began and a.ended < ended
    ]
    run.check(inside, "nothing was delivered meanwhile")
    run.check({a.status for a in inside} <= {503}, f"answers {sorted({a.status for a in inside})}")
    slow = max((a.ended - a.began for a in inside), default=0)
    run.figures["slowest_503_s"] = round(slow, 2)
    run.check(slow < FAST_S, f"a 503 took {slow:.1f} s")


@case("F7", "PostgreSQL commits and the answer is cut off, 20 times",
      "PostgreSQL 已提交但应答被切断，共 20 次",
      setups=SERVERS, why_not=NO_SERVER)  # fmt: skip
def commits_cut(run: Run) -> None:
    proxies = [m.proxies["database"] for m in (run.site.front, run.site.back)]
    for proxy in proxies:
        proxy.cut_commits(CUTS // 2, every=5)
    run.until(lambda: not any(p.cuts_left for p in proxies), 60, "20 commits to cut")
    for proxy in proxies:
        proxy.heal()


@case("F9", "a worker is parted from PostgreSQL for 40 s, another takes over",
      "某 worker 与 PostgreSQL 断网 40 秒，由另一 worker 接管",
      setups=SERVERS, why_not=NO_SERVER)  # fmt: skip
def parted(run: Run) -> None:
    """What it held is done by another after the lease; its own late writes change nothing."""
    spare = run.site.spare()
    back = run.site.back
    asked = [run.say(f"person0{n}", f"/charge {run.tag}-part{n} 6") for n in range(3)]
    run.until(lambda: all(_state(run, a.event.id) == "running" for a in asked), 30, "jobs that run")
    began = time.monotonic()
    back.proxies["database"].blackhole()
    # Others are served meanwhile.
    quick = run.say("person05", "/ping")
    took = run.until(lambda: run.answered(quick), PARTED_S, "an answer from the other worker")
    run.figures["others_served_s"] = round(took, 1)
    run.wait(max(0.0, began + PARTED_S - time.monotonic()))
    back.proxies["database"].heal()  # the late writes arrive now
    run.wait(3)
    run.finish(spare.end)


@case("F9b", "PostgreSQL answers 50 ms late, with 20 ms of jitter",
      "PostgreSQL 延迟 50 毫秒、抖动 20 毫秒",
      setups=SERVERS, why_not=NO_SERVER)  # fmt: skip
def late(run: Run) -> None:
    proxies = [m.proxies["database"] for m in (run.site.front, run.site.back)]
    for proxy in proxies:
        proxy.delay(0.05, 0.02)
    run.wait(8)
    for proxy in proxies:
        proxy.heal()


@case("F9c", "every connection to PostgreSQL is reset, 10 times",
      "PostgreSQL 连接全部被重置，共 10 次",
      setups=SERVERS, why_not=NO_SERVER)  # fmt: skip
def resets(run: Run) -> None:
    for _ in range(10):
        for machine in (run.site.front, run.site.back):
            machine.proxies["database"].reset_now()
        run.wait(0.7)


def _state(run: Run, message: str) -> str:
    found = run.site.ask("job_of", message=message)
    return str(found["state"]) if found else ""
