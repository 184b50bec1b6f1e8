"""Rows are written with the business transaction, in numbers without a gap."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from django.db import DatabaseError, connection, transaction

from apps.accounts.models import Department
from apps.audit import log
from apps.audit.errors import AppendOnlyError
from apps.audit.log import Actor, Entry
from apps.audit.models import AuditRow
from apps.audit.verify import verify

ALICE = Actor("person", "1", "Alice")


def write(action: str) -> None:
    log.record(action, actor=ALICE)


class _Undo(Exception):
    pass


@contextlib.contextmanager
def undone() -> Iterator[None]:
    """A transaction, or part of one, that is rolled back."""
    with contextlib.suppress(_Undo), transaction.atomic():
        yield
        raise _Undo


def numbers() -> list[tuple[str, int]]:
    return list(AuditRow.objects.order_by("id").values_list("action", "seq"))


@pytest.mark.django_db
def test_a_row_says_who_did_what_to_what() -> None:
    log.record(
        "role.allow",
        actor=ALICE,
        obj=("role", 5, "operator"),
        outcome="ok",
        trace_id="t1",
        data={"permission": "skill.host"},
    )
    row = AuditRow.objects.get()
    assert (row.actor, row.actor_label, row.action) == ("person:1", "Alice", "role.allow")
    assert (row.object_type, row.object_id, row.object_label) == ("role", "5", "operator")
    assert (row.outcome, row.trace_id, row.data) == ("ok", "t1", {"permission": "skill.host"})
    assert abs((datetime.now(UTC) - row.at).total_seconds()) < 60
    assert verify().ok


@pytest.mark.django_db
def test_hostile_values_are_written_and_still_verify() -> None:
    names = ["a\x00b", "\ud800", "名" * 500, "'; DROP TABLE audit_auditrow; --"]
    for name in names:
        log.record("x", actor=Actor.stranger("feishu", name), obj=("o", name, name))
    log.record(
        "x",
        actor=ALICE,
        data={
            "floats": [1.0, 0.1, 1e-7, 1e22, -0.0, float("nan"), float("inf")],
            "z": {"b": 1, "a": {"é\x00": {1}}},
            "at": datetime(2026, 1, 2, tzinfo=UTC),
            "none": None,
            "yes": True,
        },
    )
    data = AuditRow.objects.order_by("-id")[0].data
    assert data["floats"] == [1, 0.1, 1e-7, 10**22, 0, "nan", "inf"]
    assert data["z"] == {"b": 1, "a": {"é\ufffd": [1]}}
    report = verify()
    assert report.ok, report
    assert report.rows == len(names) + 1


@pytest.mark.django_db
def test_many_rows_are_one_insert(django_assert_num_queries) -> None:
    write("a0")
    entries = [Entry(f"a{n}", ALICE) for n in range(1, 60)]
    with django_assert_num_queries(1):
        log.record_many(entries)
    assert [name for name, _ in numbers()] == [f"a{n}" for n in range(60)]
    log.record_many([])
    assert AuditRow.objects.count() == 60
    assert verify().ok


@pytest.mark.django_db(transaction=True)
def test_a_rollback_leaves_no_gap() -> None:
    write("first")
    with undone():
        write("undone")
    write("second")
    assert numbers() == [("first", 1), ("second", 2)]
    assert verify().ok


@pytest.mark.django_db(transaction=True)
def test_a_rollback_to_a_savepoint_leaves_no_gap() -> None:
    with transaction.atomic():
        write("kept")
        with undone():
            write("undone")
            with transaction.atomic():
                write("undone too")
        write("after")
        with transaction.atomic():
            write("inner")
        write("last")
    write("later")
    assert numbers() == [("kept", 1), ("after", 2), ("inner", 3), ("last", 4), ("later", 5)]
    assert verify().ok


@pytest.mark.django_db(transaction=True)
def test_commit_hooks_that_write_get_the_next_numbers() -> None:
    with transaction.atomic():
        transaction.on_commit(lambda: write("hook before"))
        write("inside")

        def hook() -> None:
            with transaction.atomic():
                write("hook after")
                write("hook after 2")

        transaction.on_commit(hook)
    write("later")
    assert numbers() == [
        ("inside", 1),
        ("hook before", 2),
        ("hook after", 3),
        ("hook after 2", 4),
        ("later", 5),
    ]
    assert verify().ok


@pytest.mark.django_db
def test_hooks_called_by_a_test_do_not_count(django_capture_on_commit_callbacks) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        write("one")
    write("two")
    assert numbers() == [("one", 1), ("two", 2)]
    assert verify().ok


@pytest.mark.django_db(transaction=True)
def test_business_and_audit_are_one_transaction() -> None:
    with undone():
        write("with business")
    assert not AuditRow.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_what_cannot_be_written_down_does_not_happen() -> None:
    @transaction.atomic
    def business() -> None:
        Department.objects.create(name="shop")
        write("department.created")

    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_auditrow RENAME TO away")
    try:
        with pytest.raises(DatabaseError, match="audit_auditrow"):
            business()
    finally:
        connection.close()
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE away RENAME TO audit_auditrow")
    assert not Department.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_new_connection_is_a_new_producer() -> None:
    write("before")
    _in_thread(lambda: write("other thread"))
    connection.close()
    write("after")
    assert AuditRow.objects.values("producer").distinct().count() == 3
    assert AuditRow.objects.filter(seq=1).count() == AuditRow.objects.count()
    assert verify().ok


@pytest.mark.django_db(transaction=True)
def test_threads_write_at_once() -> None:
    def work() -> None:
        for n in range(20):
            with undone() if n % 5 == 0 else transaction.atomic():
                write(f"w{n}")

    threads = [_Thread(work) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.finish()
    report = verify()
    assert report.ok, report
    assert report.rows == 5 * 16


@pytest.mark.django_db
def test_rows_are_never_changed_by_our_own_code() -> None:
    write("once")
    row = AuditRow.objects.get()
    row.action = "twice"
    with pytest.raises(AppendOnlyError):
        row.save()
    with pytest.raises(AppendOnlyError):
        row.delete()
    with pytest.raises(AppendOnlyError):
        AuditRow.objects.update(action="twice")
    with pytest.raises(AppendOnlyError):
        AuditRow.objects.all().delete()
    with pytest.raises(AppendOnlyError):
        AuditRow.objects.bulk_update([row], ["action"])
    assert AuditRow.objects.get().action == "once"


class _Thread(threading.Thread):
    def __init__(self, work) -> None:
        super().__init__()
        self._work = work
        self._error: BaseException | None = None

    def run(self) -> None:
        try:
            self._work()
        except BaseException as error:  # noqa: BLE001 - handed to the test's own thread
            self._error = error
        finally:
            connection.close()

    def finish(self) -> None:
        self.join(60)
        assert not self.is_alive()
        if self._error:
            raise self._error


def _in_thread(work) -> None:
    thread = _Thread(work)
    thread.start()
    thread.finish()
