"""The database refuses what our own code would refuse, whoever asks it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import IntegrityError, connection, transaction

from apps.audit import log, triggers
from apps.audit.log import Actor
from apps.audit.models import AuditRow
from apps.audit.seal import seal_once
from apps.audit.verify import verify


@pytest.fixture
def guarded(db: None) -> Iterator[None]:
    """The triggers, and two rows of which one is sealed. All of it goes with the test."""
    triggers.install(connection)
    triggers.install(connection)
    log.record("sealed", actor=Actor.system("test"))
    assert seal_once() == 1
    log.record("fresh", actor=Actor.system("test"))
    yield
    triggers.remove(connection)


@pytest.mark.parametrize(
    "statement",
    [
        *(f"UPDATE audit_auditrow SET {column} = {column}" for column in triggers.CONTENT),  # noqa: S608
        "UPDATE audit_auditrow SET id = id + 1000",
        "UPDATE audit_auditrow SET mac = ''",
        "UPDATE audit_auditrow SET seal_id = NULL",
        "DELETE FROM audit_auditrow",
        "DELETE FROM audit_auditrow WHERE action = 'fresh'",
        "UPDATE audit_seal SET digest = digest",
        "DELETE FROM audit_seal",
    ],
)
def test_refused(guarded: None, statement: str) -> None:
    with (
        pytest.raises(IntegrityError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)
    assert AuditRow.objects.count() == 2
    assert verify().ok


@pytest.mark.postgres
def test_truncate_is_refused(guarded: None) -> None:
    connection.check_constraints()  # PostgreSQL truncates nothing while checks are pending
    with (
        pytest.raises(IntegrityError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute("TRUNCATE audit_auditrow CASCADE")


def test_sealing_goes_on(guarded: None) -> None:
    assert seal_once() == 1
    assert verify().ok


def test_removed_for_a_restore(guarded: None) -> None:
    triggers.remove(connection)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM audit_auditrow")
    assert not AuditRow.objects.exists()


@pytest.mark.django_db
def test_migrate_installs_them_unless_switched_off(settings) -> None:
    triggers.after_migrate(sender=None, using="default")
    assert _names() == set()
    settings.AUDIT_TRIGGERS = True
    triggers.after_migrate(sender=None, using="default")
    assert {"audit_row_update", "audit_row_delete", "audit_seal_delete"} <= _names()
    triggers.remove(connection)
    assert _names() == set()


def _names() -> set[str]:
    query = (
        "SELECT tgname FROM pg_trigger WHERE tgname LIKE 'audit%'"
        if connection.vendor == "postgresql"
        else "SELECT name FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'audit%'"
    )
    with connection.cursor() as cursor:
        cursor.execute(query)
        return {name for (name,) in cursor.fetchall()}
