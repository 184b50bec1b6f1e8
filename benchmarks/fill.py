"""Rows in bulk: copies of one real row, made by the database itself, unique where they must be.

Copies of real rows keep every column as the application writes it.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.db import connection

POSTGRES = connection.vendor == "postgresql"
UUID = "lpad(to_hex(n.i), 32, '0')::uuid" if POSTGRES else "printf('%%032x', n.i)"


def text(prefix: str) -> str:
    """SQL of a text that no other copy has."""
    return f"'{prefix}' || n.i"


def turn(keys: Sequence[int]) -> str:
    """SQL of one of these keys after the other."""
    cases = " ".join(f"WHEN {place} THEN {key}" for place, key in enumerate(keys))
    return f"CASE n.i %% {len(keys)} {cases} END"


def copies(table: str, template: int, first: int, count: int, **columns: str) -> None:
    """Insert `count` copies of a row, numbered from `first`; `columns` are SQL expressions."""
    with connection.cursor() as cursor:
        description = connection.introspection.get_table_description(cursor, table)
        names = [column.name for column in description if column.name != "id"]
        values = [columns.get(name, f't."{name}"') for name in names]
        quoted = ", ".join(f'"{name}"' for name in names)
        cursor.execute(
            f'INSERT INTO "{table}" ({quoted}) '  # noqa: S608 - names of our own tables
            f"WITH RECURSIVE n(i) AS (SELECT {first} UNION ALL SELECT i + 1 FROM n "
            f"WHERE i + 1 < {first + count}) "
            f'SELECT {", ".join(values)} FROM n, "{table}" t WHERE t.id = %s',
            [template],
        )


def settle() -> None:
    """What the database would have found out while the rows came one by one."""
    if POSTGRES:
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
