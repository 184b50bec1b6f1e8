"""Jobs whose process died, and jobs whose end meets a database that is away."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone

from apps.assistant import finish, jobs, lost, runner
from apps.assistant.models import Job
from apps.assistant.sweeper import Sweeper
from apps.core import work
from apps.im.models import Delivery
from apps.skills import base as skills
from apps.skills.registry import borrowed
from tests.assistant.conftest import Chat

pytestmark = pytest.mark.django_db
ran: list[str] = []


@pytest.fixture
def job(chat: Chat, monkeypatch: pytest.MonkeyPatch) -> Iterator[Job]:
    """A job of Alice's that runs in its first attempt."""
    monkeypatch.setattr(jobs, "_publish", lambda job: None)
    ran.clear()
    with borrowed():

        @skills.skill(name="trial", zh="试验", timeout=30)
        def trial() -> str:
            """Note that it ran."""
            ran.append("once")
            return "did it"

        chat.say("alice", "/trial")
        yield start(Job.objects.get())


def start(job: Job, ago_s: float = 1) -> Job:
    """Claim the job as a worker does."""
    (found,) = work.claim(work.claimable(Job, timezone.now()).filter(pk=job.pk), 1)
    began = timezone.now() - timedelta(seconds=ago_s)
    Job.objects.filter(pk=job.pk).update(started_at=began, queued_until=None)
    return found


def answers(job: Job) -> list[str]:
    return list(Delivery.objects.filter(job=job, role="answer").values_list("text", flat=True))


def test_a_job_whose_process_died_is_tried_again_soon(job: Job) -> None:
    lost.process_died(job.pk, 1)
    job.refresh_from_db()
    assert (job.state, job.lease_until, answers(job)) == ("waiting", None, [])
    assert timezone.now() < job.not_before < timezone.now() + timedelta(seconds=5)


def test_after_the_last_attempt_it_is_dead_and_its_owner_knows(job: Job) -> None:
    for attempt in (1, 2, 3):
        lost.process_died(job.pk, attempt)
        Job.objects.filter(pk=job.pk).update(not_before=timezone.now())
        if attempt < 3:
            start(job)
    job.refresh_from_db()
    assert job.state == "dead"
    (text,) = answers(job)
    assert job.number in text


def test_who_died_after_its_time_was_over_is_not_tried_again(job: Job) -> None:
    Job.objects.update(started_at=timezone.now() - timedelta(seconds=31))
    lost.process_died(job.pk, 1)
    job.refresh_from_db()
    assert (job.state, job.last_error) == ("failed", "timeout")
    assert "30" in answers(job)[0]


def test_the_death_of_an_older_attempt_means_nothing(job: Job) -> None:
    Job.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    work.sweep(Job)
    start(job)
    lost.process_died(job.pk, 1)
    job.refresh_from_db()
    assert (job.state, job.attempts) == ("running", 2)


def test_the_sweeper_sees_to_it_and_keeps_what_runs(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    Job.objects.update(lease_until=timezone.now() + timedelta(seconds=3))
    sweeper = Sweeper("w", ["normal"], 2, serves=False, active=lambda: [(job.pk, 1)])
    monkeypatch.setattr(sweeper, "_renewed", 0.0)
    sweeper.tick()
    job.refresh_from_db()
    assert job.lease_until is not None
    assert job.lease_until > timezone.now() + timedelta(seconds=20)
    sweeper.died(job.pk, 1)
    sweeper.tick()
    job.refresh_from_db()
    assert job.state == "waiting"


def test_the_task_id_tells_number_and_attempt(job: Job) -> None:
    assert jobs.task_id(job).startswith(f"{job.number}-2-")
    assert jobs.attempt_of(jobs.task_id(job)) == 2
    assert jobs.attempt_of("0b0e4f6e-6a0b-4d2f-9f0e-2f1d3c4b5a69") == 0


def test_a_database_that_is_away_at_the_end_makes_nothing_run_twice(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    Job.objects.update(state="waiting", lease_until=None, attempts=0)
    monkeypatch.setattr(runner.time, "sleep", lambda seconds: None)
    monkeypatch.setattr(runner.connection, "close", lambda: None)  # the test's transaction is in it
    real, failures = finish.end_running, iter([OperationalError("away"), OperationalError("away")])

    def fragile(*args: Any, **kwargs: Any) -> bool:
        for error in failures:
            raise error
        return real(*args, **kwargs)

    monkeypatch.setattr(finish, "end_running", fragile)
    runner.run(job.pk)
    job.refresh_from_db()
    assert (job.state, ran) == ("succeeded", ["once"])


HANG = """
import ctypes, threading, types
from apps.assistant import watch
watch.expendable, watch.GRACE_S, watch.LOOK_S = True, 3, 0.1
watch.Watch._ours = lambda self, renew: True
watch.Watch._sign_of_life = lambda self: None
with watch.Watch(types.SimpleNamespace(number="J", pk=1, attempts=1), 0.5):
    ctypes.{library}(None).pause()
"""


@pytest.mark.parametrize("library", ["PyDLL", "CDLL"])
def test_a_skill_that_hangs_in_c_loses_its_process(library: str) -> None:
    """With Python's lock held no thread of Python's can help; without, a signal ends `pause`."""
    env = {**os.environ, "DJANGO_SETTINGS_MODULE": "clawdbot.settings.base"}
    code = "import django; django.setup()\n" + HANG.format(library=library)
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert ("Timeout" if library == "PyDLL" else "TimedOut") in done.stderr
