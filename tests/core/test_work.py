"""Leased rows: the database's clock, sets, and many workers at once."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from django.db import connection, transaction

from apps.assistant.models import Job, Message
from apps.core import work
from apps.core.clock import utcnow
from apps.core.work import WorkItem
from apps.im.models import Delivery
from tests.core import workrows

KINDS = [Job, Delivery, Message]


def claim(model: type[WorkItem], limit: int = 1) -> list[WorkItem]:
    return work.claim(work.claimable(model, utcnow()), limit)


@pytest.mark.django_db
@pytest.mark.parametrize("kind", KINDS)
def test_a_claim_is_one_update_and_brings_the_whole_row(
    kind: type[WorkItem], django_assert_num_queries: Callable[[int], object]
) -> None:
    keys = workrows.make(kind, 3)
    with django_assert_num_queries(1):  # in the transaction of whoever has one
        got = claim(kind, 2)
    assert [item.pk for item in got] == keys[:2]
    with django_assert_num_queries(0):
        assert not any(item.get_deferred_fields() for item in got)
    left = [(item.lease_until - utcnow()).total_seconds() for item in got if item.lease_until]
    assert len(left) == 2
    assert all(25 < seconds < 31 for seconds in left)


@pytest.mark.django_db
def test_many_rows_are_settled_in_one_statement(
    django_assert_num_queries: Callable[[int], object],
) -> None:
    workrows.make(Job, 50)
    got = claim(Job, 50)
    with django_assert_num_queries(1):
        assert len(work.settle(got, state="succeeded")) == 50


@pytest.mark.django_db
def test_the_machines_clock_moves_no_lease() -> None:
    workrows.make(Job)
    (mine,) = claim(Job)
    later = utcnow() + timedelta(days=2)
    with time_machine.travel(later):
        assert work.sweep(Job) == (0, [])
        assert work.claim(work.claimable(Job, later), 1) == []
        assert work.held(Job, (mine.pk, mine.attempts))
    assert work.finish(mine, "succeeded")


@pytest.mark.django_db
def test_due_times_go_by_the_time_that_is_given() -> None:
    now = utcnow()
    workrows.make(Job, not_before=now + timedelta(days=1))
    assert work.claim(work.claimable(Job, now), 1) == []
    assert len(work.claim(work.claimable(Job, now + timedelta(days=1)), 1)) == 1


@pytest.mark.django_db
def test_a_short_lease_is_as_short_as_asked() -> None:
    workrows.make(Job)
    (item,) = work.claim(work.claimable(Job, utcnow()), 1, lease=5)
    assert item.lease_until is not None
    assert 3 < (item.lease_until - utcnow()).total_seconds() < 6
    assert work.hold(Job, (item.pk, item.attempts), lease=60)
    item.refresh_from_db()
    assert item.lease_until is not None
    assert 55 < (item.lease_until - utcnow()).total_seconds() < 61


@pytest.mark.django_db
def test_a_late_write_changes_nothing_at_all() -> None:
    (key,) = workrows.make(Job)
    (zombie,) = claim(Job)
    workrows.run_out(Job, key)
    work.sweep(Job)
    (owner,) = claim(Job)
    before = Job.objects.values().get(pk=key)
    assert not work.finish(zombie, "failed", result={"text": "late"})
    assert not work.retry_at(zombie, utcnow(), "late")
    assert not work.fail(zombie, "late")
    assert not work.hold(Job, (zombie.pk, zombie.attempts))
    assert Job.objects.values().get(pk=key) == before
    assert work.finish(owner, "succeeded")


@pytest.mark.django_db
def test_a_set_with_a_zombie_in_it_settles_the_others() -> None:
    first, second = workrows.make(Job, 2)
    got = claim(Job, 2)
    workrows.run_out(Job, first)
    work.sweep(Job)
    claim(Job)
    assert work.settle(got, state="succeeded") == {second}


@pytest.mark.django_db
def test_the_reason_of_death_is_kept_and_cut() -> None:
    workrows.make(Job, max_attempts=1)
    (item,) = claim(Job)
    assert work.retry_at(item, utcnow(), "x" * 5000)
    item.refresh_from_db()
    assert (item.state, len(item.last_error)) == ("dead", 2000)


@pytest.mark.django_db
def test_silence_is_the_reason_when_a_worker_died() -> None:
    (key,) = workrows.make(Job, max_attempts=1)
    claim(Job)
    workrows.run_out(Job, key)
    assert [item.pk for item in work.sweep(Job)[1]] == [key]
    row = Job.objects.get()
    assert (row.state, row.last_error, row.lease_until) == ("dead", "the worker went silent", None)


@pytest.mark.django_db
def test_nobody_knows_what_a_silent_sender_sent() -> None:
    (key,) = workrows.make(Delivery)
    claim(Delivery)
    workrows.run_out(Delivery, key)
    assert work.sweep(Delivery)[0] == 1
    row = Delivery.objects.get()
    assert (row.state, row.last_outcome) == ("unknown", "unknown")
    assert [item.pk for item in claim(Delivery)] == [key]


@pytest.mark.django_db
def test_the_last_attempt_is_never_repeated() -> None:
    (key,) = workrows.make(Message, max_attempts=1)
    claim(Message)
    workrows.run_out(Message, key)
    assert claim(Message) == []
    assert [item.pk for item in work.sweep(Message)[1]] == [key]


@pytest.mark.django_db
def test_a_sweep_takes_no_more_than_its_limit() -> None:
    keys = workrows.make(Job, 5)
    claim(Job, 5)
    for key in keys:
        workrows.run_out(Job, key)
    assert [work.sweep(Job, limit=2)[0] for _ in range(4)] == [2, 2, 1, 0]


@pytest.mark.django_db
def test_settling_nothing_is_nothing() -> None:
    assert work.settle([], state="succeeded") == set()


def in_threads(count: int, act: Callable[[], None]) -> None:
    """Run it in many threads that begin together, each with a connection of its own."""
    begin, errors = threading.Barrier(count), []

    def run() -> None:
        begin.wait(30)
        try:
            act()
        except BaseException as error:
            errors.append(error)
            raise
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert not errors
    assert not any(thread.is_alive() for thread in threads)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", [Job, Message])
@pytest.mark.parametrize("limit", [1, 7])
def test_of_many_claimers_each_gets_other_rows(kind: type[WorkItem], limit: int) -> None:
    keys = workrows.make(kind, 60)
    claimed: list[list[int]] = []

    def work_until_empty() -> None:
        while got := claim(kind, limit):
            claimed.append([item.pk for item in got])
            assert work.settle(got, state=workrows.DONE[kind]) == {item.pk for item in got}

    in_threads(4, work_until_empty)
    assert max(len(some) for some in claimed) <= limit
    assert sorted(key for some in claimed for key in some) == keys
    assert set(kind._default_manager.values_list("state", "attempts")) == {(workrows.DONE[kind], 1)}


@pytest.mark.django_db(transaction=True)
def test_of_many_who_end_one_row_one_is_believed() -> None:
    workrows.make(Job)
    (item,) = claim(Job)
    believed: Counter[bool] = Counter()
    in_threads(6, lambda: believed.update([work.finish(item, "succeeded")]))
    assert believed == {True: 1, False: 5}


@pytest.mark.django_db(transaction=True)
def test_sweepers_and_claimers_at_once_lose_and_repeat_nothing() -> None:
    keys = workrows.make(Job, 40, max_attempts=9)
    ended: Counter[int] = Counter()

    def worker() -> None:
        for turn in range(1000):
            got = claim(Job, 3)
            for number, item in enumerate(got):
                if item.attempts == 1 and number == 0:
                    workrows.run_out(Job, item.pk)  # and it is ended late below
                if turn % 2:
                    work.sweep(Job)
                if work.finish(item, "succeeded"):
                    ended[item.pk] += 1
            if not got and not Job.objects.exclude(state="succeeded").exists():
                return
            if not got:
                work.sweep(Job)
        raise AssertionError("the rows do not come to an end")

    in_threads(3, worker)
    assert ended == dict.fromkeys(keys, 1)


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_a_planner_that_expects_one_row_claims_no_more_than_asked() -> None:
    workrows.make(Job)
    with connection.cursor() as cursor:
        cursor.execute(f"ANALYZE {Job._meta.db_table}")
    workrows.make(Job, 30)
    assert len(claim(Job, 2)) == 2
    assert len(claim(Job, 5)) == 5


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_a_row_that_another_transaction_holds_is_skipped_not_waited_for() -> None:
    first, second = workrows.make(Job, 2)
    locked, seen = threading.Event(), threading.Event()

    def holder() -> None:
        with transaction.atomic():
            Job.objects.select_for_update().get(pk=first)
            locked.set()
            assert seen.wait(30)
        connection.close()

    thread = threading.Thread(target=holder)
    thread.start()
    assert locked.wait(30)
    try:
        assert [item.pk for item in claim(Job, 5)] == [second]
    finally:
        seen.set()
        thread.join(30)
