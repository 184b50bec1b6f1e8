"""Processes are killed."""

from __future__ import annotations

import contextlib
import os
import signal

import psutil

from tests.faults.case import case
from tests.faults.run import Run
from tests.faults.site import EMBEDDED
from tests.stack.sender import PATIENCE_S

WORKERS = ("worker-io", "worker-jobs")
LEASE_S = 30.0
BACK_S = 60.0


@case(
    "F1", "kill -9 of both workers in mid-task, 5 times", "任务进行中对两个 worker kill -9，共 5 次"
)
def worker_trees(run: Run) -> None:
    back = run.site.back
    for _ in range(5):
        back.back(back.kill(*WORKERS), BACK_S)
        run.until(lambda: (back.home / "run" / "worker-io.ready").exists(), BACK_S, "a worker")


@case("F2", "kill -9 of a pool process in mid-task, 10 times", "对进程池中的进程 kill -9，共 10 次")
def pool_processes(run: Run) -> None:
    for number in range(10):
        parent = psutil.Process(run.site.back.pids()["worker-jobs"])
        run.until(parent.children, 10, "a pool process")
        children = parent.children()
        with contextlib.suppress(ProcessLookupError, psutil.NoSuchProcess):
            os.kill(children[number % len(children)].pid, signal.SIGKILL)
        run.wait(0.5)


@case("F3", "kill -9 of the web in mid-request, 10 times", "请求进行中对 web kill -9，共 10 次")
def web(run: Run) -> None:
    front = run.site.front
    for _ in range(10):
        front.back(front.kill("web"), BACK_S)
        run.until(lambda: front.get("/healthz/live") == 200, BACK_S, "the web")


@case(
    "P1",
    "a second pair of workers starts while a job runs",
    "作业运行时启动第二组 worker",
)
def second_replica(run: Run) -> None:
    """It must neither end the job nor run it again."""
    asked = run.say("person00", f"/charge {run.tag}-long 12")
    run.until(lambda: _state(run, asked.event.id) == "running", 20, "a running job")
    if run.site.setup == EMBEDDED:
        from tests.faults.cases.helpers import more_workers

        stop = more_workers(run.site.front)
    else:
        stop = run.site.spare().end
    run.until(lambda: run.answered(asked), 40, "the job's answer")
    found = run.site.ask("job_of", message=asked.event.id)
    run.check(found["state"] == "succeeded", f"the job is {found['state']}")
    run.check(found["attempts"] == 1, f"the job was tried {found['attempts']} times")
    stop()


@case(
    "P2",
    "kill -9 of both workers while answers are on the wire",
    "回复发送途中对两个 worker kill -9",
)
def answers_under_way(run: Run) -> None:
    """The platform has taken an answer and not said so yet."""
    own, back = run.site.own, run.site.back
    own.delay_s = 2.0
    seen = len(own.received)
    own.wait(lambda: len(own.received) > seen + 3, PATIENCE_S)
    repeats = own.repeats
    former = back.kill(*WORKERS)
    own.delay_s = 0.0
    back.back(former, BACK_S)
    run.until(lambda: own.repeats > repeats, LEASE_S + 30, "a repeat under the same key")


def _state(run: Run, message: str) -> str:
    found = run.site.ask("job_of", message=message)
    return str(found["state"]) if found else ""
