"""Many rows in one statement of our own, on SQLite and PostgreSQL: inserts and updates.

The ORM builds each of them anew, placeholder by placeholder; these are built once, which is what
the path of a message can afford. SQLite takes the rows as VALUES, one text for each number of rows;
PostgreSQL as one JSON parameter, because its driver needs longest for single parameters.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

from apps.core.sql import Row, Statement, adapted, here
from apps.core.work import WorkItem

#: Older SQLites take at most 999 parameters.
MOST_PARAMETERS = 999
#: Rows of one statement on PostgreSQL, so that no parameter grows without bound.
MOST_ROWS = 500


class _Bulk:
    """A statement over rows `v` with the columns column1, column2, … (as VALUES names them)."""

    def __init__(self, model: type[models.Model], fields: Sequence[models.Field[Any, Any]]) -> None:
        self.model = model
        self.fields = fields
        self._names = [f"column{number}" for number in range(1, len(fields) + 1)]
        self._statements: dict[tuple[str, int], Statement] = {}

    def text(self, connection: BaseDatabaseWrapper, source: str) -> str:
        """Its SQL around `source`, which stands where a FROM clause names a table."""
        raise NotImplementedError

    def kind(self, connection: BaseDatabaseWrapper, field: models.Field[Any, Any]) -> str:
        """The type of a column on PostgreSQL."""
        found = field.rel_db_type(connection) if field.primary_key else field.db_type(connection)
        return found or "text"

    def each(
        self, rows: Sequence[Sequence[Any]], *last: Any
    ) -> list[tuple[Statement, BaseDatabaseWrapper, list[Any]]]:
        """The statements to run with their parameters; `last` is what follows the rows."""
        connection = here()
        most = max(1, MOST_PARAMETERS // len(self.fields))
        if connection.vendor == "postgresql":
            most = MOST_ROWS
        parts = [rows[start : start + most] for start in range(0, len(rows), most)]
        return [
            (
                self._statement(connection, len(part)),
                connection,
                [*_params(connection, part), *last],
            )
            for part in parts
        ]

    def _statement(self, connection: BaseDatabaseWrapper, count: int) -> Statement:
        key = (connection.vendor, 0 if connection.vendor == "postgresql" else count)
        found = self._statements.get(key)
        if found is None:
            source = self._source(connection, count)
            found = self._statements[key] = Statement(self.text(connection, source))
        return found

    def _source(self, connection: BaseDatabaseWrapper, count: int) -> str:
        if connection.vendor != "postgresql":
            marks = ", ".join(["%s"] * len(self.fields))
            return f"(VALUES {', '.join([f'({marks})'] * count)}) AS v"
        kinds = [self.kind(connection, field) for field in self.fields]
        # Each row is an array; in their order, so that keys are given in it too.
        values = ", ".join(
            # No value is NULL, as everywhere, and not JSON's null.
            f"NULLIF(r.value -> {place}, 'null'::jsonb)"
            if kind == "jsonb"
            else f"(r.value ->> {place})::{kind}"
            for place, kind in enumerate(kinds)
        )
        return (
            f"(SELECT {values} FROM jsonb_array_elements(%s::jsonb) WITH ORDINALITY AS r(value, n) "  # noqa: S608
            f"ORDER BY r.n) AS v({', '.join(self._names)})"
        )


def _params(connection: BaseDatabaseWrapper, rows: Sequence[Sequence[Any]]) -> list[Any]:
    if connection.vendor == "postgresql":
        return [json.dumps(rows, default=_as_json)]
    return [adapted(connection, value) for row in rows for value in row]


def _as_json(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


class Insert(_Bulk):
    """Inserts rows of these columns (attribute names, as `person_id`), all of them or none.

    With `skip` a row that breaks a unique constraint is left out. `made` says what a column is made
    from instead of a value of its own type: the type of what is given, and SQL around it, for each
    kind of database.
    """

    def __init__(
        self,
        model: type[models.Model],
        columns: Sequence[str],
        *,
        skip: bool = False,
        returning: Sequence[str] = (),
        made: Mapping[str, Mapping[str, tuple[str, str]]] | None = None,
    ) -> None:
        super().__init__(model, [_field(model, name) for name in columns])
        # SQLite needs the WHERE to tell ON CONFLICT from the ON of a join.
        self._skip = " WHERE true ON CONFLICT DO NOTHING" if skip else ""
        names = [f'"{_field(model, name).column}"' for name in returning]
        self._returning = f" RETURNING {', '.join(names)}" if names else ""
        self._made = made or {}

    def run(self, rows: Sequence[Sequence[Any]]) -> list[Row]:
        """Insert them in order; returns the `returning` columns of those that were inserted."""
        return [
            row
            for statement, connection, params in self.each(rows)
            for row in statement.rows(connection, params)
        ]

    def text(self, connection: BaseDatabaseWrapper, source: str) -> str:
        """INSERT … SELECT."""
        names = ", ".join(f'"{field.column}"' for field in self.fields)
        values = ", ".join(
            self._value(connection, field, f"v.{name}")
            for field, name in zip(self.fields, self._names, strict=True)
        )
        table = self.model._meta.db_table
        return (
            f'INSERT INTO "{table}" ({names}) '  # noqa: S608 - names are ours
            f"SELECT {values} FROM {source}{self._skip}{self._returning}"
        )

    def kind(self, connection: BaseDatabaseWrapper, field: models.Field[Any, Any]) -> str:
        """The type of what is given for a column on PostgreSQL."""
        own = self._made.get(field.attname, {}).get(connection.vendor)
        return own[0] if own else super().kind(connection, field)

    def _value(
        self, connection: BaseDatabaseWrapper, field: models.Field[Any, Any], given: str
    ) -> str:
        own = self._made.get(field.attname, {}).get(connection.vendor)
        return own[1].format(given) if own else given


class InsertModels:
    """Inserts instances of a model with all their columns and gives them their keys."""

    def __init__(
        self,
        model: type[models.Model],
        *,
        made: Mapping[str, Mapping[str, tuple[str, str]]] | None = None,
    ) -> None:
        key = model._meta.pk.attname
        self._names = [f.attname for f in model._meta.concrete_fields if f.attname != key]
        self._values = attrgetter(*self._names)
        self._insert = Insert(model, self._names, returning=(key,), made=made)

    def run(self, instances: Sequence[models.Model], **columns: Sequence[Any]) -> None:
        """Insert them in order, in the caller's transaction.

        `columns` gives what the made columns of each instance are made from.
        """
        rows = [list(self._values(one)) for one in instances]
        for name, values in columns.items():
            place = self._names.index(name)
            for row, value in zip(rows, values, strict=True):
                row[place] = value
        keys = self._insert.run(rows)
        alias = here().alias
        for instance, (key,) in zip(instances, keys, strict=True):
            instance.pk = key
            instance._state.adding, instance._state.db = False, alias


class Update(_Bulk):
    """Sets these columns of many rows to values of their own."""

    def __init__(self, model: type[models.Model], columns: Sequence[str]) -> None:
        super().__init__(model, [model._meta.pk, *(_field(model, name) for name in columns)])

    def run(self, rows: Sequence[Sequence[Any]]) -> int:
        """Update the rows whose key stands first in each of `rows`; returns how many."""
        return sum(
            statement.count(connection, params) for statement, connection, params in self.each(rows)
        )

    def text(self, connection: BaseDatabaseWrapper, source: str) -> str:
        """UPDATE … FROM."""
        sets = ", ".join(f'"{f.column}" = v.column{n}' for n, f in enumerate(self.fields[1:], 2))
        table, key = self.model._meta.db_table, self.fields[0].column
        return (
            f'UPDATE "{table}" SET {sets} FROM {source} '  # noqa: S608 - names are ours
            f'WHERE "{table}"."{key}" = v.column1'
        )


class Settle(_Bulk):
    """Ends the lease of many claimed rows with values of their own for these columns.

    Each row names its key and the attempt that it was claimed with; one that is no longer ours is
    left alone (see `apps.core.work.settle`).
    """

    def __init__(self, model: type[WorkItem], columns: Sequence[str]) -> None:
        fenced = [model._meta.pk, _field(model, "attempts")]
        super().__init__(model, [*fenced, *(_field(model, name) for name in columns)])
        self._working = model.WORKING

    def run(self, rows: Sequence[Sequence[Any]]) -> set[Any]:
        """Settle (key, attempts, values…) rows; returns the keys of those that were ours."""
        return {
            key
            for statement, connection, params in self.each(rows, self._working)
            for (key,) in statement.rows(connection, params)
        }

    def text(self, connection: BaseDatabaseWrapper, source: str) -> str:
        """UPDATE … FROM … RETURNING."""
        sets = ", ".join(f'"{f.column}" = v.column{n}' for n, f in enumerate(self.fields[2:], 3))
        table, key = self.model._meta.db_table, self.fields[0].column
        return (
            f'UPDATE "{table}" SET lease_until = NULL, {sets} FROM {source} '  # noqa: S608 - names are ours
            f'WHERE "{table}"."{key}" = v.column1 AND "{table}".attempts = v.column2 '
            f'AND state = %s AND lease_until IS NOT NULL RETURNING "{table}"."{key}"'
        )


def _field(model: type[models.Model], name: str) -> models.Field[Any, Any]:
    """The column with this attribute name (`person_id` for a foreign key)."""
    return next(field for field in model._meta.concrete_fields if field.attname == name)
