"""The broker goes away, forgets everything, or falls silent."""

from __future__ import annotations

import time

from tests.faults.case import case
from tests.faults.run import Run
from tests.faults.site import RABBIT, REDIS
from tests.services.rabbitmq import RabbitMQ
from tests.services.redis import Redis

AWAY_S = 20
SILENT_S = 30
AGAIN_S = 15  # a worker has found its broker again
DRAIN_S = 30
LANES = ("control", "interactive", "normal", "batch")


def _rabbit(run: Run) -> RabbitMQ:
    assert run.site.servers.rabbit is not None
    return run.site.servers.rabbit


def _redis(run: Run) -> Redis:
    assert run.site.servers.redis is not None
    return run.site.servers.redis


@case("F4", "the broker is stopped for 20 s", "消息代理停止 20 秒")
def broker_stops(run: Run) -> None:
    """The web goes on saying yes; everything is answered within 30 s of the broker's return."""
    began = time.monotonic()
    if run.site.setup == RABBIT:
        _rabbit(run).control("stop_app")
        run.wait(AWAY_S)
        _rabbit(run).control("start_app")
    elif run.site.setup == REDIS:
        _redis(run).stop()  # it comes back empty
        run.wait(AWAY_S)
        _redis(run).start()
    else:
        machine, ends = run.site.front, began + AWAY_S
        while time.monotonic() < ends:  # `up` starts it again at once
            machine.back(machine.kill("valkey"))
            run.wait(1)
    away = [a for one in run.asked for a in one.event.attempts if a.began > began]
    run.check(all(a.outcome == "ok" for a in away), "the web did not accept everything meanwhile")
    run.finish(lambda: run.check(run.recovery() < DRAIN_S, f"drained in {run.recovery():.0f} s"))


@case("F5", "the broker loses everything (FLUSHALL, or its queues are deleted), 3 times",
      "消息代理丢失全部数据（FLUSHALL 或删除队列），共 3 次")  # fmt: skip
def broker_forgets(run: Run) -> None:
    for _ in range(3):
        with run.site.redis() as client:
            client.flushall()
        if run.site.setup == RABBIT:
            run.until(lambda: set(LANES) <= _queues(run), AGAIN_S, "the queues are declared again")
            for lane in LANES:
                _rabbit(run).control("delete_queue", lane)
        run.wait(2)


def _queues(run: Run) -> set[str]:
    return set(_rabbit(run).control("-q", "list_queues", "name").split())


@case("F8", "the workers' connections to the broker pass nothing for 30 s",
      "worker 与消息代理之间 30 秒网络黑洞",
      setups=(REDIS, RABBIT), why_not="a unix socket on one machine has no network")  # fmt: skip
def broker_silent(run: Run) -> None:
    """Workers find the broker again within 15 s, without a new start."""
    back = run.site.back
    pids = back.pids()
    proxies = [proxy for name, proxy in back.proxies.items() if name != "database"]
    for proxy in proxies:
        proxy.blackhole()
    run.wait(SILENT_S)
    for proxy in proxies:
        proxy.heal()
    healed = time.monotonic()
    # A job goes through the broker.
    asked = run.say("person00", "/nap 0")
    run.until(lambda: run.answered(asked), 60, "a job through the broker")
    took = time.monotonic() - healed
    run.figures["broker_back_s"] = round(took, 1)
    run.check(took < AGAIN_S, f"workers found the broker again after {took:.1f} s")
    run.check(back.pids() == pids, "a worker was started again")


@case("F8b", "the web's connections to Redis and the broker pass nothing for 15 s",
      "web 与 Redis、消息代理之间 15 秒网络黑洞",
      setups=(REDIS, RABBIT), why_not="a unix socket on one machine has no network")  # fmt: skip
def broker_silent_for_web(run: Run) -> None:
    """Acceptance does not wait for a wake-up."""
    began = time.monotonic()
    proxies = [p for name, p in run.site.front.proxies.items() if name != "database"]
    for proxy in proxies:
        proxy.blackhole()
    run.wait(15)
    for proxy in proxies:
        proxy.heal()
    slow = [a.ended - a.began for one in run.asked for a in one.event.attempts if a.began > began]
    run.check(max(slow) < 1, f"an acceptance took {max(slow):.1f} s")
