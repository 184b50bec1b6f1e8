"""The database itself refuses to change or remove audit rows, whoever asks.

Installed after every `migrate`, because SQLite loses triggers when a migration makes a table anew.
Whoever owns the database can drop them; the chain shows what was done then.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from apps.audit.canonical import CONTENT
from apps.audit.counter import forget

ROWS, SEALS = "audit_auditrow", "audit_seal"
_MESSAGE = "the audit log is append-only"
_FUNCTION = "audit_append_only"
#: Name, table, and what sets it off. A row's seal is set once.
_TRIGGERS = (
    ("audit_row_update", ROWS, f"UPDATE OF id, mac, {', '.join(CONTENT)}", ""),
    ("audit_row_seal", ROWS, "UPDATE OF seal_id", "OLD.seal_id IS NOT NULL"),
    ("audit_row_delete", ROWS, "DELETE", ""),
    ("audit_seal_update", SEALS, "UPDATE", ""),
    ("audit_seal_delete", SEALS, "DELETE", ""),
)


def after_migrate(sender: object, using: str, **kwargs: Any) -> None:
    """Start new producers, and install unless the settings say `AUDIT_TRIGGERS = False`."""
    forget()
    if getattr(settings, "AUDIT_TRIGGERS", True):
        install(connections[using])


def install(connection: BaseDatabaseWrapper) -> None:
    """Make the triggers that are missing; nothing happens before the tables are there."""
    tables = set(connection.introspection.table_names())
    if not {ROWS, SEALS} <= tables:
        return
    with connection.cursor() as cursor:
        for statement in _postgresql(cursor) if _is_postgresql(connection) else _sqlite():
            cursor.execute(statement)


def remove(connection: BaseDatabaseWrapper) -> None:
    """Drop the triggers, for a restore that replaces everything."""
    with connection.cursor() as cursor:
        for name, table, *_ in (*_TRIGGERS, *((f"{t}_truncate", t) for t in (ROWS, SEALS))):
            where = f" ON {table}" if _is_postgresql(connection) else ""
            cursor.execute(f"DROP TRIGGER IF EXISTS {name}{where}")


def _is_postgresql(connection: BaseDatabaseWrapper) -> bool:
    return connection.vendor == "postgresql"


def _sqlite() -> list[str]:
    return [
        f"CREATE TRIGGER IF NOT EXISTS {name} BEFORE {event} ON {table} "
        + (f"WHEN {condition} " if condition else "")
        + f"BEGIN SELECT RAISE(ABORT, '{_MESSAGE}'); END"
        for name, table, event, condition in _TRIGGERS
    ]


def _postgresql(cursor: Any) -> list[str]:
    cursor.execute("SELECT tgname FROM pg_trigger WHERE NOT tgisinternal")
    there = {name for (name,) in cursor.fetchall()}
    call = f"EXECUTE FUNCTION {_FUNCTION}()"
    wanted = {
        name: f"CREATE TRIGGER {name} BEFORE {event} ON {table} FOR EACH ROW "
        + (f"WHEN ({condition}) " if condition else "")
        + call
        for name, table, event, condition in _TRIGGERS
    }
    for table in (ROWS, SEALS):
        name = f"{table}_truncate"
        wanted[name] = f"CREATE TRIGGER {name} BEFORE TRUNCATE ON {table} {call}"
    function = (
        f"CREATE OR REPLACE FUNCTION {_FUNCTION}() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{_MESSAGE}' USING ERRCODE = 'restrict_violation'; END $$"
    )
    missing = [sql for name, sql in wanted.items() if name not in there]
    return [function, *missing] if missing else []
