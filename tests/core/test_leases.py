"""One leader at a time, and signs of life, by the database's clock."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
import time_machine
from django.db import connection

from apps.core import leases
from apps.core.clock import utcnow
from apps.core.leases import DbAfter
from apps.core.models import Heartbeat, Lease


def run_out(name: str) -> None:
    Lease.objects.filter(name=name).update(expires_at=DbAfter(-0.01))


@pytest.mark.django_db
def test_only_one_leads_until_it_ends() -> None:
    assert leases.acquire("beat", "a", 30) == 1
    assert leases.acquire("beat", "b", 30) is None
    assert leases.acquire("beat", "a", 30) is None
    assert leases.acquire("sealer", "b", 30) == 1
    assert not leases.release("beat", "b", 1)
    assert leases.release("beat", "a", 1)
    assert not leases.release("beat", "a", 1)
    assert leases.acquire("beat", "b", 30) == 2


@pytest.mark.django_db
def test_a_silent_leader_is_replaced_and_cannot_come_back() -> None:
    assert leases.acquire("beat", "a", 30) == 1
    assert leases.renew("beat", "a", 1, 30)
    run_out("beat")
    assert leases.renew("beat", "a", 1, 30)  # nobody took it: still ours
    run_out("beat")
    assert leases.acquire("beat", "b", 30) == 2
    assert not leases.renew("beat", "a", 1, 30)
    assert not leases.release("beat", "a", 1)
    assert leases.acquire("beat", "c", 30) is None


@pytest.mark.django_db
def test_a_released_lease_is_not_renewed() -> None:
    assert leases.acquire("beat", "a", 30) == 1
    leases.release("beat", "a", 1)
    assert not leases.renew("beat", "a", 1, 30)


@pytest.mark.django_db
def test_the_machines_clock_does_not_matter() -> None:
    with time_machine.travel(utcnow() + timedelta(days=400)):
        assert leases.acquire("beat", "a", 30) == 1
    assert leases.acquire("beat", "b", 30) is None
    with time_machine.travel(utcnow() + timedelta(days=400)):
        assert leases.acquire("beat", "b", 30) is None
    assert leases.acquire("short", "a", 0.001) == 1
    lease = Lease.objects.get(name="beat")
    assert lease.expires_at is not None
    assert 25 < (lease.expires_at - utcnow()).total_seconds() < 31


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_one_gets_it() -> None:
    got: list[int | None] = []
    start = threading.Barrier(6)

    def run(name: str) -> None:
        start.wait()
        got.append(leases.acquire("race", name, 30))
        connection.close()

    threads = [threading.Thread(target=run, args=(f"h{n}",)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(got, key=str) == [1] + [None] * 5


@pytest.mark.django_db
def test_each_is_one_statement(django_assert_num_queries) -> None:
    with django_assert_num_queries(1):
        leases.acquire("beat", "a", 30)
    with django_assert_num_queries(1):
        leases.renew("beat", "a", 1, 30)
    with django_assert_num_queries(1):
        leases.release("beat", "a", 1)
    with django_assert_num_queries(1):
        leases.beat("worker", "w", {})


@pytest.mark.django_db
def test_signs_of_life() -> None:
    leases.beat("worker", "w1", {"lanes": ["normal"]})
    leases.beat("worker", "w2")
    leases.beat("beat", "b1")
    leases.beat("worker", "w1", {"lanes": ["batch"]})
    assert [(h.name, h.detail) for h in leases.alive("worker", 30)] == [
        ("w1", {"lanes": ["batch"]}),
        ("w2", {}),
    ]
    Heartbeat.objects.filter(name="w1").update(at=DbAfter(-31))
    assert [h.name for h in leases.alive("worker", 30)] == ["w2"]
    assert [h.name for h in leases.alive("worker", 60)] == ["w1", "w2"]
    assert Heartbeat.objects.count() == 3
