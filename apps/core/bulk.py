"""Different values for many rows in one UPDATE, on SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import connection, models


def update_rows(
    model: type[models.Model], columns: Sequence[str], rows: Sequence[Sequence[Any]]
) -> int:
    """Set `columns` of the rows whose key stands first in each of `rows`; returns how many.

    `columns` are field names (`person_id` for a foreign key). Both databases call the columns of
    a VALUES list column1, column2, …
    """
    if not rows:
        return 0
    fields = [model._meta.get_field(c.removesuffix("_id")) for c in columns]
    key = model._meta.pk
    every = [key, *fields]
    marks = ", ".join(_mark(field) for field in every)
    values = ", ".join(f"({marks})" for _ in rows)
    sets = ", ".join(f'"{f.column}" = v.column{n}' for n, f in enumerate(fields, 2))  # type: ignore[union-attr]
    table = model._meta.db_table
    sql = (
        f'UPDATE "{table}" SET {sets} FROM (VALUES {values}) AS v '  # noqa: S608 - names are ours
        f'WHERE "{table}"."{key.column}" = v.column1'
    )
    params = [
        field.get_db_prep_save(value, connection)  # type: ignore[union-attr]
        for row in rows
        for field, value in zip(every, row, strict=True)
    ]
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return int(cursor.rowcount)


def _mark(field: Any) -> str:
    if connection.vendor != "postgresql":
        return "%s"
    kind = field.rel_db_type(connection) if field.primary_key else field.db_type(connection)
    return f"CAST(%s AS {kind})"
