"""Whatever is done to the rows behind our back, `verify()` names the first broken entry."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import IntegrityError, connection, transaction

from apps.audit import log, seal
from apps.audit.canonical import CONTENT
from apps.audit.export import export
from apps.audit.log import Actor, Entry
from apps.audit.models import AuditRow, Seal
from apps.audit.seal import seal_once
from apps.audit.verify import verify
from apps.core.clock import utcnow

BOB = Actor("person", "2", "Bob")


@pytest.fixture
def chain(db: None, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Nine sealed rows under three seals and three unsealed ones; the rows' keys in order."""
    monkeypatch.setattr(seal, "BATCH", 3)
    log.record_many([Entry("sealed", BOB, ("job", n, "")) for n in range(9)])
    seal_once()
    log.record_many([Entry("fresh", BOB, ("job", n, "")) for n in range(3)])
    assert verify().ok
    return list(AuditRow.objects.order_by("id").values_list("id", flat=True))


def sql(statement: str, *values: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


def broken() -> str:
    report = verify()
    assert not report.ok
    assert report.problem
    assert report.problem.zh
    assert report.problem.en
    return report.first_broken


@pytest.mark.parametrize("index", [0, 4, 10])
@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("actor", "person:1"),
        ("actor_label", "Alice"),
        ("action", "other"),
        ("object_type", "person"),
        ("object_id", "99"),
        ("object_label", "x"),
        ("outcome", "ok"),
        ("trace_id", "x"),
        ("data", '{"x": 1}'),
        ("mac", "0123456789ab:" + "0" * 64),
        ("mac", ""),
        ("seq", 1000),
        ("producer", "x"),
    ],
)
def test_an_edited_row(chain: list[int], index: int, column: str, value: object) -> None:
    sql(f"UPDATE audit_auditrow SET {column} = %s WHERE id = %s", value, chain[index])  # noqa: S608
    assert broken() == f"row {chain[index]}"


def test_an_edited_time(chain: list[int]) -> None:
    at = AuditRow.objects.get(pk=chain[4]).at + timedelta(microseconds=1)
    value: object = at if connection.vendor == "postgresql" else str(at.replace(tzinfo=None))
    sql("UPDATE audit_auditrow SET at = %s WHERE id = %s", value, chain[4])
    assert broken() == f"row {chain[4]}"


def test_a_removed_sealed_row(chain: list[int]) -> None:
    sql("DELETE FROM audit_auditrow WHERE id = %s", chain[4])
    assert broken() == f"row {chain[5]}"  # before which one is missing


def test_the_last_sealed_row_removed(chain: list[int]) -> None:
    sql("DELETE FROM audit_auditrow WHERE id >= %s", chain[8])
    assert broken() == "seal 3"


def test_a_removed_unsealed_row(chain: list[int]) -> None:
    sql("DELETE FROM audit_auditrow WHERE id = %s", chain[10])
    assert broken() == f"row {chain[11]}"


def test_the_end_removed_while_the_producer_writes_on(chain: list[int]) -> None:
    sql("DELETE FROM audit_auditrow WHERE id = %s", chain[11])
    log.record("next", actor=BOB)
    assert broken() == f"row {AuditRow.objects.latest('id').pk}"


def _copy(columns: str, values: str, source: int) -> None:
    names = ", ".join(f for f in _CONTENT if f not in columns.split(", "))
    sql(
        f"INSERT INTO audit_auditrow ({columns}, {names}) "  # noqa: S608
        f"SELECT {values}, {names} FROM audit_auditrow WHERE id = %s",
        source,
    )


_CONTENT = (*CONTENT, "mac")


def test_a_forged_row(chain: list[int]) -> None:
    _copy("id, seq", "9999, 13", chain[11])
    assert broken() == "row 9999"


def test_a_copied_row(chain: list[int]) -> None:
    if connection.vendor == "sqlite":  # which cannot drop the constraint from a table
        with pytest.raises(IntegrityError, match="seq"), transaction.atomic():
            _copy("id", "9999", chain[11])
        return
    connection.check_constraints()
    sql("ALTER TABLE audit_auditrow DROP CONSTRAINT audit_producer_seq")
    _copy("id", "9999", chain[11])
    assert broken() == "row 9999"


def _swap(a: int, b: int) -> None:
    sql("UPDATE audit_auditrow SET id = -1 WHERE id = %s", a)
    sql("UPDATE audit_auditrow SET id = %s WHERE id = %s", a, b)
    sql("UPDATE audit_auditrow SET id = %s WHERE id = -1", b)


def test_two_sealed_rows_swapped(chain: list[int]) -> None:
    _swap(chain[3], chain[4])
    assert broken() == f"row {chain[3]}"


def test_rows_of_two_producers_swapped(chain: list[int]) -> None:
    # Their numbers stay in order; only the chain knows.
    _as_new_producer("other producer")
    seal_once()
    assert Seal.objects.count() == 5
    _swap(*AuditRow.objects.order_by("-id").values_list("id", flat=True)[:2])
    assert broken() == "seal 4"


def test_two_unsealed_rows_swapped(chain: list[int]) -> None:
    _swap(chain[9], chain[10])
    assert broken() == f"row {chain[9]}"


def test_a_row_moved_to_another_seal(chain: list[int]) -> None:
    sql("UPDATE audit_auditrow SET seal_id = 2 WHERE id = %s", chain[2])
    assert broken() == "seal 1"


def test_a_row_taken_from_its_seal(chain: list[int]) -> None:
    sql("UPDATE audit_auditrow SET seal_id = NULL WHERE id = %s", chain[8])
    assert broken() == "seal 3"


def test_an_old_row_slipped_under_a_seal(chain: list[int]) -> None:
    sql("UPDATE audit_auditrow SET seal_id = 3 WHERE id = %s", chain[9])
    assert broken() == "seal 3"


@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize(
    "change",
    ["rows = 2", "first_id = 0", "last_id = 0", "previous = 'x'", "digest = 'x'", "mac = 'x'"],
)
def test_an_edited_seal(chain: list[int], number: int, change: str) -> None:
    sql(f"UPDATE audit_seal SET {change} WHERE number = %s", number)  # noqa: S608
    assert broken() == f"seal {number}"


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_removed_seal(chain: list[int], number: int) -> None:
    sql("DELETE FROM audit_seal WHERE number = %s", number)
    assert broken() == f"seal {number}"
    sql("UPDATE audit_auditrow SET seal_id = NULL WHERE seal_id = %s", number)
    if number < 3:  # the last one with nothing noted outside: its rows are as good as unsealed
        assert broken() == f"seal {number}"


def test_a_removed_seal_with_its_rows(chain: list[int]) -> None:
    sql("DELETE FROM audit_auditrow WHERE seal_id = 2")
    sql("DELETE FROM audit_seal WHERE number = 2")
    assert broken() == "seal 2"


def test_a_genuine_seal_of_another_past(db: None) -> None:
    for name in ("one", "two", "three"):
        _as_new_producer(name)
        seal_once()
    # Somebody with the keys writes the second entry anew; the third is as it was.
    sql("DELETE FROM audit_auditrow WHERE seal_id = 2")
    sql("DELETE FROM audit_seal WHERE number = 2")
    _as_new_producer("another two")
    row = AuditRow.objects.get(seal=None)
    forged = seal._next_seal(Seal.objects.get(number=1), [(row.pk, row.mac)])
    forged.save(force_insert=True)
    AuditRow.objects.filter(pk=row.pk).update(seal=forged)
    assert broken() == "seal 3"


def _as_new_producer(action: str) -> None:
    connection._clawdbot_audit_counter = None  # type: ignore[attr-defined]
    log.record(action, actor=BOB)


@pytest.fixture
def head_file(tmp_path: Path, settings: pytest.FixtureRequest) -> Path:
    path = tmp_path / "audit" / "head.json"
    settings.AUDIT_HEAD = path  # type: ignore[attr-defined]
    return path


@pytest.fixture
def noted(
    head_file: Path, chain: list[int], django_capture_on_commit_callbacks: Callable
) -> list[int]:
    """A chain of four seals whose end is noted in the data folder."""
    with django_capture_on_commit_callbacks(execute=True):
        seal_once()
    assert head_file.stat().st_mode & 0o777 == 0o600
    assert verify().ok
    return chain


def test_the_end_cut_off(noted: list[int]) -> None:
    sql("DELETE FROM audit_auditrow WHERE seal_id >= 3")
    sql("DELETE FROM audit_seal WHERE number >= 3")
    assert broken() == "seal 3"


def test_everything_removed(noted: list[int]) -> None:
    sql("DELETE FROM audit_auditrow")
    sql("DELETE FROM audit_seal")
    assert broken() == "seal 1"


def test_the_chain_made_anew(noted: list[int]) -> None:
    # By somebody who even has the keys, but not the data folder.
    sql("DELETE FROM audit_auditrow WHERE seal_id = 4")
    sql("DELETE FROM audit_seal WHERE number = 4")
    log.record("other past", actor=BOB)
    connection._clawdbot_audit_counter = None  # type: ignore[attr-defined]
    sql("DELETE FROM audit_auditrow WHERE seal_id IS NULL")
    log.record("other past", actor=BOB)
    seal_once()
    assert broken() == "seal 4"


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"number": 1, "digest": "", "mac": "x:y"}'])
def test_a_changed_note(noted: list[int], head_file: Path, content: str) -> None:
    head_file.write_text(content)
    assert broken() == "head"


def test_an_older_note_is_fine(noted: list[int]) -> None:
    log.record("more", actor=BOB)
    assert seal_once() == 1  # this test's transaction never ends, so nothing is noted
    assert verify().ok


def test_nothing_is_a_whole_chain(db: None) -> None:
    report = verify()
    assert (report.ok, report.rows, report.seals) == (True, 0, 0)


def test_a_row_is_checked_under_its_own_key(chain: list[int], settings) -> None:
    old = settings.CLAWDBOT_SECRET_KEYS
    settings.CLAWDBOT_SECRET_KEYS = ["another-key-0123456789-abcdefghijklmnop", *old]
    log.record("new key", actor=BOB)
    seal_once()
    assert verify().ok
    settings.CLAWDBOT_SECRET_KEYS = settings.CLAWDBOT_SECRET_KEYS[:1]
    assert broken() == "seal 1"


def test_ten_thousand_rows_in_seconds(db: None) -> None:
    for start in range(0, 10_000, 1000):
        log.record_many([Entry("bulk", BOB, ("n", start + n, "")) for n in range(1000)])
    started = time.monotonic()
    assert seal_once() == 10_000
    sealed = time.monotonic()
    report = verify()
    verified = time.monotonic()
    assert (report.ok, report.rows, report.seals) == (True, 10_000, 10)
    assert sealed - started < 20
    assert verified - sealed < 20
    tracemalloc.start()
    try:
        assert verify().ok
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    if connection.vendor == "sqlite":
        assert peak < 12_000_000  # 10,000 rows at once are more than 20 MB


def test_export_gives_everything_in_order(chain: list[int]) -> None:
    lines = list(export())
    assert [line["id"] for line in lines] == chain
    assert lines[0]["actor"] == "person:2"
    assert lines[0]["object"] == {"type": "job", "id": "0", "label": ""}
    assert [line["seal"] for line in lines] == [1, 1, 1, 2, 2, 2, 3, 3, 3, None, None, None]
    middle = AuditRow.objects.get(pk=chain[5]).at
    assert next(line["id"] for line in export(since=middle)) == chain[5]
    assert [line["id"] for line in export(until=middle)][-1] == chain[4]
    assert not list(export(since=utcnow() + timedelta(hours=1)))
