"""Any number of schedules, and what beat's work costs among them."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta

from django.db import transaction
from django.utils import timezone
from django_celery_beat.models import PeriodicTask

from apps.accounts.models import Person
from apps.assistant.models import Conversation
from apps.im.models import Bot
from apps.schedules import timetable
from apps.schedules.models import Schedule
from apps.schedules.scheduler import Beat
from apps.schedules.sync import resync
from benchmarks import fill, meter

TICKS, FIRINGS, RESYNCS = 200, 50, 3


def schedules(count: int) -> None:
    """Add up to `count` schedules that are due tomorrow, each with its PeriodicTask."""
    have = Schedule.objects.count()
    with transaction.atomic():
        template = Schedule.objects.first() or _first()
        have = max(have, 1)
        task = template.periodic_task
        assert task is not None
        name = fill.text("schedule b")
        fill.copies("django_celery_beat_periodictask", task.pk, have, count - have, name=name)
        start = PeriodicTask.objects.get(name=f"schedule b{have}").pk - have
        fill.copies(
            "schedules_schedule", template.pk, have, count - have, number=fill.text("b"),
            periodic_task_id=f"{start} + n.i",
        )  # fmt: skip
    fill.settle()


def _first() -> Schedule:
    chat, _ = Conversation.objects.get_or_create(bot=Bot.objects.get(slug="bench"), chat_id="c0")
    found = Schedule.objects.create(
        number="b0", owner=Person.objects.get(name="bench0"), conversation=chat, command="/ping",
        words="", cron="0 8 * * *", time_zone="Asia/Shanghai",
        next_due=timezone.now() + timedelta(days=1),
    )  # fmt: skip
    timetable.write(found)
    return found


def beat(database_pids: list[int]) -> dict[str, float]:
    """CPU of one look without anything due, of one firing, and of following edits.

    In milliseconds of beat's own process, and of the database server.
    """
    found = Beat()
    found.tick()  # takes the lead, follows what was edited
    if found.leadership.epoch is None:
        raise RuntimeError("another beat leads: its followers do next to nothing")
    costs = {
        "tick": _cost(TICKS, found.tick, database_pids),
        "firing": _cost(FIRINGS, lambda: _fire(found), database_pids),
        "edits": _cost(RESYNCS, resync, database_pids),
    }
    found.close()
    rows = {f"{name}_ms": own for name, (own, _) in costs.items()}
    if database_pids:
        rows |= {f"{name}_database_ms": server for name, (_, server) in costs.items()}
    return rows


def _fire(found: Beat) -> None:
    """One schedule becomes due, and is fired."""
    one = Schedule.objects.filter(enabled=True).order_by("next_due").last()
    assert one is not None
    Schedule.objects.filter(pk=one.pk).update(next_due=timezone.now())
    if not found.planner.fire_due():
        raise RuntimeError("nothing was due")


def _cost(times: int, call: Callable[[], object], database_pids: list[int]) -> tuple[float, float]:
    own, server = time.process_time(), meter.cpu_seconds(database_pids)
    for _ in range(times):
        call()
    own, server = time.process_time() - own, meter.cpu_seconds(database_pids) - server
    return 1000 * own / times, 1000 * server / times
