"""What was edited is found by what the database noted: its cost follows the edits."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django_celery_beat.models import CrontabSchedule, PeriodicTask

from apps.schedules import edits, sync
from apps.schedules.models import Edit, Schedule

Add = Callable[..., Schedule]
pytestmark = pytest.mark.django_db
TABLES = ("schedules_schedule", "schedules_edit", *(t for t, _, _ in edits.TRIGGERS.values()))


class Looks:
    """How much the database looked at: rows on PostgreSQL, steps of its machine on SQLite."""

    def __init__(self) -> None:
        self.count = 0

    def step(self) -> int:
        self.count += 1
        return 0


@contextlib.contextmanager
def counted() -> Iterator[Looks]:
    looks = Looks()
    if connection.vendor == "sqlite":
        connection.connection.set_progress_handler(looks.step, 1)
        yield looks
        connection.connection.set_progress_handler(None, 0)
        return
    with connection.cursor() as cursor:
        # Tables this small would be read as a whole, which large ones must never be.
        for way in ("seqscan", "bitmapscan", "hashjoin", "mergejoin"):
            cursor.execute(f"SET LOCAL enable_{way} = off")
    before = _rows_read()
    yield looks
    looks.count = _rows_read() - before


def _rows_read() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0)) "
            "FROM pg_stat_xact_user_tables WHERE relname = ANY(%s)",
            [list(TABLES)],
        )
        return int(cursor.fetchone()[0])


def crowd(like: Schedule, count: int) -> None:
    """So many more schedules, each with a crontab and a task of its own."""
    start = CrontabSchedule.objects.count()
    crontabs = CrontabSchedule.objects.bulk_create(
        [CrontabSchedule(minute=str(n % 60), hour=str(n % 24)) for n in range(count)]
    )
    tasks = PeriodicTask.objects.bulk_create(
        PeriodicTask(name=f"crowd {start + n}", task="x", crontab=crontab)
        for n, crontab in enumerate(crontabs)
    )
    Schedule.objects.bulk_create(
        Schedule(
            number=f"c{task.pk}", owner_id=like.owner_id, conversation_id=like.conversation_id,
            command="/ping", cron=f"{task.crontab.minute} {task.crontab.hour} * * *",
            time_zone="UTC", periodic_task=task,
        )
        for task in tasks
    )  # fmt: skip
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            # As autovacuum does: whoever takes a table for empty finds any index good enough.
            cursor.execute(f"ANALYZE {', '.join(TABLES)}")


def cost(edited: Schedule) -> tuple[int, int]:
    """Edit one, follow it; how much was looked at, and by how many queries."""
    PeriodicTask.objects.filter(pk=edited.periodic_task_id).update(enabled=not edited.enabled)
    with counted() as looks, CaptureQueriesContext(connection) as queries:
        assert sync.resync() == 1
    edited.refresh_from_db()
    with counted() as nothing, CaptureQueriesContext(connection) as idle:
        assert sync.resync() == 0
    assert len(idle) == 1
    return looks.count + nothing.count, len(queries)


def test_following_an_edit_costs_the_same_among_many(add: Add) -> None:
    one = add("0 9 * * *")
    crowd(one, 20)
    sync.resync()
    few = [cost(one), cost(one)][1]
    crowd(one, 600)
    many = cost(one)
    assert many[1] == few[1]
    assert many[0] <= few[0] * 1.2 + 20, (few, many)
    assert not Edit.objects.exists()


def test_what_is_saved_as_it_was_is_no_edit(add: Add) -> None:
    one = add("0 9 * * *")
    sync.resync()
    task = PeriodicTask.objects.get(pk=one.periodic_task_id)
    task.description = "other words"
    task.save()
    assert task.crontab is not None
    task.crontab.save()
    PeriodicTask.objects.update(total_run_count=5)
    assert not Edit.objects.exists()


def test_an_edit_that_is_rolled_back_was_none(add: Add) -> None:
    one = add("0 9 * * *")
    sync.resync()
    with contextlib.suppress(ZeroDivisionError), transaction.atomic():
        PeriodicTask.objects.filter(pk=one.periodic_task_id).update(enabled=False)
        assert Edit.objects.count() == 1
        raise ZeroDivisionError
    assert not Edit.objects.exists()


def test_more_edits_than_a_batch_are_all_followed(
    add: Add, monkeypatch: pytest.MonkeyPatch
) -> None:
    crowd(add("0 9 * * *"), 7)
    sync.resync()
    monkeypatch.setattr(sync, "BATCH", 3)
    PeriodicTask.objects.update(enabled=False)
    assert sync.resync() == 8
    assert not Schedule.objects.filter(enabled=True).exists()


@pytest.mark.django_db(transaction=True)
def test_migrating_again_leaves_the_triggers_in_place(add: Add) -> None:
    one = add("0 9 * * *")
    edits.remove()
    call_command("migrate", verbosity=0)
    call_command("migrate", verbosity=0)
    Edit.objects.all().delete()
    PeriodicTask.objects.filter(pk=one.periodic_task_id).update(enabled=False)
    assert Edit.objects.count() == 1
