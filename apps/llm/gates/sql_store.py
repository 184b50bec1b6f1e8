"""Gates in the database, by its clock: one row each, locked for a short transaction."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping

from django.db import DatabaseError, InterfaceError, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from apps.core.sql import here, light_commit
from apps.llm.gates import machine
from apps.llm.gates.machine import Gate
from apps.llm.gates.shapes import Entry, Look, Rules, StoreDown
from apps.llm.limit_models import GateRow

_NOW = {
    "sqlite": "SELECT (JULIANDAY('now') - 2440587.5) * 86400.0",
    "postgresql": "SELECT EXTRACT(EPOCH FROM CLOCK_TIMESTAMP())",
}
#: A gate may be forgotten in a crash of the database; a holder that hangs must not hold all others.
_SHORT = "SET LOCAL synchronous_commit TO OFF; SET LOCAL lock_timeout TO '5s'"


class SqlStore:
    """See `shapes.Store`."""

    name = "database"

    def enter(self, key: str, rules: Rules, ticket: str, lease: float, patience: float) -> Entry:
        """Let a ticket in, put it in line, or refuse it."""
        with _turn(key) as (gate, now):
            return machine.enter(gate, rules, ticket, lease, patience, now)

    def leave(self, key: str, ticket: str, outcome: str = "") -> bool:
        """Give a place back and count the outcome."""
        with _turn(key) as (gate, now):
            return machine.leave(gate, ticket, outcome, now)

    def renew(self, key: str, tickets: Mapping[str, bool], lease: float) -> list[str]:
        """Hold places for longer."""
        with _turn(key) as (gate, now):
            return machine.renew(gate, tickets, lease, now)

    def look(self, key: str) -> Look:
        """What the gate is like now."""
        with _down():
            row = GateRow.objects.filter(key=key).first()
            return machine.look(Gate.of(row.document if row else {}), _now(here()))

    def reset(self, key: str) -> None:
        """Close the breaker."""
        with _turn(key) as (gate, _):
            machine.reset(gate)


@contextlib.contextmanager
def _turn(key: str) -> Iterator[tuple[Gate, float]]:
    """The gate, locked, and the time after that; what was changed is stored at the end."""
    with _down():
        connection = here()
        if not connection.in_atomic_block:
            connection.close_if_unusable_or_obsolete()
        with light_commit(connection), _short(connection):
            row = _locked(key)
            gate = Gate.of(row.document)
            yield gate, _now(connection)
            row.document = gate.document()
            row.save(update_fields=["document"])


@contextlib.contextmanager
def _short(connection: BaseDatabaseWrapper) -> Iterator[None]:
    own = not connection.in_atomic_block
    with transaction.atomic():
        if own and connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute(_SHORT)
        yield


def _locked(key: str) -> GateRow:
    rows = GateRow.objects.select_for_update().filter(key=key)
    found = rows.first()
    if found is None:
        GateRow.objects.bulk_create([GateRow(key=key)], ignore_conflicts=True)
        found = rows.get()
    return found


def _now(connection: BaseDatabaseWrapper) -> float:
    with connection.cursor() as cursor:
        cursor.execute(_NOW[connection.vendor])
        return float(cursor.fetchone()[0])


@contextlib.contextmanager
def _down() -> Iterator[None]:
    try:
        yield
    except (DatabaseError, InterfaceError) as error:
        raise StoreDown(str(error)) from error
