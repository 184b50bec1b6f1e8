"""One sealer chains the rows in the order in which they become visible."""

from __future__ import annotations

import threading

import pytest
from django.db import IntegrityError, connection, transaction

from apps.audit import log, seal
from apps.audit.log import Actor, Entry
from apps.audit.models import AuditRow, Seal
from apps.audit.seal import seal_once
from apps.audit.verify import verify
from apps.core import leases

ALICE = Actor("person", "1", "Alice")


def write(count: int = 1, name: str = "a") -> None:
    log.record_many([Entry(f"{name}{n}", ALICE) for n in range(count)])


@pytest.mark.django_db
def test_batches_are_numbered_and_chained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seal, "BATCH", 3)
    write(7)
    assert seal_once() == 7
    assert list(Seal.objects.order_by("number").values_list("number", "rows")) == [
        (1, 3),
        (2, 3),
        (3, 1),
    ]
    seals = list(Seal.objects.order_by("number"))
    assert seals[0].previous == seal.START
    assert [s.previous for s in seals[1:]] == [s.digest for s in seals[:-1]]
    assert not AuditRow.objects.filter(seal=None).exists()
    report = verify()
    assert (report.ok, report.rows, report.seals) == (True, 7, 3)


@pytest.mark.django_db
def test_the_limit_bounds_one_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seal, "BATCH", 3)
    write(7)
    assert seal_once(5) == 5
    assert seal_once(5) == 2
    assert seal_once(5) == 0
    assert [s.rows for s in Seal.objects.order_by("number")] == [3, 2, 2]


@pytest.mark.django_db
def test_nothing_to_seal_is_one_query(django_assert_num_queries) -> None:
    write(2)
    seal_once()
    with django_assert_num_queries(1):
        assert seal_once() == 0


@pytest.mark.django_db
def test_while_another_leads_nothing_is_sealed() -> None:
    write()
    epoch = leases.acquire(seal.LEASE, "another", 30)
    assert epoch
    assert seal_once() == 0
    leases.release(seal.LEASE, "another", epoch)
    assert seal_once() == 1


@pytest.mark.django_db(transaction=True)
def test_a_zombie_sealer_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    write(2)
    genuine = seal._next_seal

    def slow(last, rows):
        # Meanwhile another process took the lease and sealed the same rows.
        monkeypatch.setattr(seal, "_next_seal", genuine)
        keys = [key for key, _ in rows]
        AuditRow.objects.filter(pk__in=keys).update(seal=_save(genuine(last, rows)))
        return genuine(last, rows)

    def _save(made: Seal) -> Seal:
        made.save(force_insert=True)
        return made

    monkeypatch.setattr(seal, "_next_seal", slow)
    assert seal_once() == 0
    assert seal_once() == 2
    assert verify().ok


@pytest.mark.django_db(transaction=True)
@pytest.mark.postgres
def test_a_row_that_commits_late_goes_into_a_later_seal() -> None:
    written, seen = threading.Event(), threading.Event()

    def late() -> None:
        with transaction.atomic():
            write(1, "late")
            written.set()
            assert seen.wait(30)
        connection.close()

    thread = threading.Thread(target=late)
    thread.start()
    assert written.wait(30)
    write(1, "early")
    assert seal_once() == 1
    seen.set()
    thread.join(30)
    assert seal_once() == 1
    late_row, early_row = AuditRow.objects.order_by("id")
    assert (late_row.action, late_row.seal_id) == ("late0", 2)
    assert (early_row.action, early_row.seal_id) == ("early0", 1)
    assert verify().ok


@pytest.mark.django_db(transaction=True)
def test_sealing_while_others_write() -> None:
    stop = threading.Event()

    def work() -> None:
        try:
            for n in range(30):
                with transaction.atomic():
                    write(2, f"w{n}-")
        finally:
            connection.close()

    def sealing() -> None:
        try:
            while not stop.is_set():
                seal_once(7)
                assert verify().ok
        finally:
            connection.close()

    writers = [threading.Thread(target=work) for _ in range(3)]
    sealers = [threading.Thread(target=sealing) for _ in range(2)]
    for thread in (*writers, *sealers):
        thread.start()
    for thread in writers:
        thread.join(60)
    stop.set()
    for thread in sealers:
        thread.join(60)
    while seal_once():
        pass
    report = verify()
    assert report.ok, report
    assert report.rows == AuditRow.objects.exclude(seal=None).count() == 180


@pytest.mark.django_db
def test_seals_are_numbered_once() -> None:
    write()
    seal_once()
    first = Seal.objects.get()
    with pytest.raises(IntegrityError), transaction.atomic():
        Seal(
            number=1, first_id=1, last_id=1, rows=1, previous="", digest="", mac="", at=first.at
        ).save(force_insert=True)
