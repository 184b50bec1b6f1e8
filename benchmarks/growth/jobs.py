"""Jobs that are there at once: made as rows, then run by the workers through Celery."""

from __future__ import annotations

import time

from django.db import transaction

from apps.accounts.models import Person
from apps.assistant import jobs as door
from apps.assistant.models import Conversation, Job
from apps.core.clock import utcnow
from apps.core.logging import new_trace_id
from apps.im.models import Bot
from apps.skills import base as skills
from benchmarks.growth.people import FEW

GROUP = 100
PATIENCE_S = 200


def jobs(count: int) -> dict[str, float]:
    """Make `count` empty jobs of 64 people and wait for their end; seconds, and CPU of making."""
    people = list(Person.objects.filter(name__startswith="bench").order_by("pk")[:FEW])
    bot = Bot.objects.get(slug="bench")
    chats = [
        Conversation.objects.get_or_create(bot=bot, chat_id=f"c{n}")[0] for n in range(len(people))
    ]
    skill = skills.get("noop")
    assert skill is not None
    began, cpu = time.perf_counter(), time.process_time()
    mine: list[int] = []
    for start in range(0, count, GROUP):
        with transaction.atomic():
            for n in range(start, min(start + GROUP, count)):
                job = door.new(
                    person=people[n % FEW], conversation=chats[n % FEW], message=None, skill=skill,
                    parameters={}, now=utcnow(), trace_id=new_trace_id(),
                )  # fmt: skip
                mine.append(job.pk)
    door.dispatch()
    cpu = time.process_time() - cpu
    _until_done(mine)
    return {"seconds": time.perf_counter() - began, "cpu_s": cpu}


def _until_done(mine: list[int]) -> None:
    ends = time.monotonic() + PATIENCE_S
    mine_open = Job.objects.filter(pk__gte=mine[0], pk__lte=mine[-1]).exclude(state__in=Job.FINAL)
    while mine_open.exists():
        if time.monotonic() > ends:
            raise TimeoutError(f"{mine_open.count()} jobs did not end")
        time.sleep(0.05)
    done = Job.objects.filter(pk__gte=mine[0], pk__lte=mine[-1], state="succeeded").count()
    if done != len(mine):
        raise RuntimeError(f"{done} of {len(mine)} succeeded")
