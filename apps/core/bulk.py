"""Many rows in one statement of our own, on SQLite and PostgreSQL: inserts and updates.

The ORM builds each of them anew, placeholder by placeholder; these are built once for each number
of rows, which is what the path of a message can afford.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

from apps.core.sql import Row, Statement, adapted, here
from apps.core.work import WorkItem

#: Older SQLites take at most 999 parameters.
MOST_PARAMETERS = 999


class _Bulk:
    """A statement for any number of rows of `width` values each."""

    def __init__(self, model: type[models.Model], fields: Sequence[models.Field[Any, Any]]) -> None:
        self.model = model
        self.fields = fields
        self._statements: dict[tuple[str, int], Statement] = {}

    def statement(self, connection: BaseDatabaseWrapper, count: int) -> Statement:
        """The statement for so many rows."""
        key = (connection.vendor, count)
        found = self._statements.get(key)
        if found is None:
            found = self._statements[key] = Statement(self.text(connection, count))
        return found

    def text(self, connection: BaseDatabaseWrapper, count: int) -> str:
        """Its SQL."""
        raise NotImplementedError

    def parts(self, rows: Sequence[Sequence[Any]]) -> list[Sequence[Sequence[Any]]]:
        """The rows, as many at a time as one statement takes."""
        most = max(1, MOST_PARAMETERS // len(self.fields))
        return [rows[start : start + most] for start in range(0, len(rows), most)]

    def params(self, connection: BaseDatabaseWrapper, rows: Sequence[Sequence[Any]]) -> list[Any]:
        """All values of the rows, one after another."""
        return [adapted(connection, value) for row in rows for value in row]


class Insert(_Bulk):
    """Inserts rows of these columns (attribute names, as `person_id`), all of them or none.

    With `skip` a row that breaks a unique constraint is left out. `marks` replaces the placeholder
    of a column by SQL around it, given for each kind of database.
    """

    def __init__(
        self,
        model: type[models.Model],
        columns: Sequence[str],
        *,
        skip: bool = False,
        returning: Sequence[str] = (),
        marks: Mapping[str, Mapping[str, str]] | None = None,
    ) -> None:
        super().__init__(model, [_field(model, name) for name in columns])
        self._skip = " ON CONFLICT DO NOTHING" if skip else ""
        names = [f'"{_field(model, name).column}"' for name in returning]
        self._returning = f" RETURNING {', '.join(names)}" if names else ""
        self._marks = marks or {}

    def run(self, rows: Sequence[Sequence[Any]]) -> list[Row]:
        """Insert them in order; returns the `returning` columns of those that were inserted."""
        connection = here()
        return [
            row
            for part in self.parts(rows)
            for row in self.statement(connection, len(part)).rows(
                connection, self.params(connection, part)
            )
        ]

    def text(self, connection: BaseDatabaseWrapper, count: int) -> str:
        """INSERT … VALUES of so many rows."""
        names = ", ".join(f'"{field.column}"' for field in self.fields)
        marks = ", ".join(self._mark(connection, field) for field in self.fields)
        values = ", ".join([f"({marks})"] * count)
        table = self.model._meta.db_table
        return f'INSERT INTO "{table}" ({names}) VALUES {values}{self._skip}{self._returning}'  # noqa: S608

    def _mark(self, connection: BaseDatabaseWrapper, field: models.Field[Any, Any]) -> str:
        own = self._marks.get(field.attname, {}).get(connection.vendor)
        if own is not None:
            return own
        json = connection.vendor == "postgresql" and isinstance(field, models.JSONField)
        return "%s::jsonb" if json else "%s"


class InsertModels:
    """Inserts instances of a model with all their columns and gives them their keys."""

    def __init__(
        self, model: type[models.Model], *, marks: Mapping[str, Mapping[str, str]] | None = None
    ) -> None:
        key = model._meta.pk.attname
        self._names = [f.attname for f in model._meta.concrete_fields if f.attname != key]
        self._values = attrgetter(*self._names)
        self._insert = Insert(model, self._names, returning=(key,), marks=marks)

    def run(self, instances: Sequence[models.Model], **columns: Sequence[Any]) -> None:
        """Insert them in order, in the caller's transaction.

        `columns` gives what the marked columns of each instance are made from.
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
        connection = here()
        return sum(
            self.statement(connection, len(part)).count(connection, self.params(connection, part))
            for part in self.parts(rows)
        )

    def text(self, connection: BaseDatabaseWrapper, count: int) -> str:
        """UPDATE … FROM VALUES; both databases call their columns column1, column2, …"""
        marks = ", ".join(_cast(connection, field) for field in self.fields)
        values = ", ".join([f"({marks})"] * count)
        sets = ", ".join(f'"{f.column}" = v.column{n}' for n, f in enumerate(self.fields[1:], 2))
        table, key = self.model._meta.db_table, self.fields[0].column
        return (
            f'UPDATE "{table}" SET {sets} FROM (VALUES {values}) AS v '  # noqa: S608 - names are ours
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
        connection = here()
        return {
            key
            for part in self.parts(rows)
            for (key,) in self.statement(connection, len(part)).rows(
                connection, [*self.params(connection, part), self._working]
            )
        }

    def text(self, connection: BaseDatabaseWrapper, count: int) -> str:
        """UPDATE … FROM VALUES … RETURNING."""
        marks = ", ".join(_cast(connection, field) for field in self.fields)
        values = ", ".join([f"({marks})"] * count)
        sets = ", ".join(f'"{f.column}" = v.column{n}' for n, f in enumerate(self.fields[2:], 3))
        table, key = self.model._meta.db_table, self.fields[0].column
        return (
            f'UPDATE "{table}" SET lease_until = NULL, {sets} FROM (VALUES {values}) AS v '  # noqa: S608 - names are ours
            f'WHERE "{table}"."{key}" = v.column1 AND "{table}".attempts = v.column2 '
            f'AND state = %s AND lease_until IS NOT NULL RETURNING "{table}"."{key}"'
        )


def _field(model: type[models.Model], name: str) -> models.Field[Any, Any]:
    """The column with this attribute name (`person_id` for a foreign key)."""
    return next(field for field in model._meta.concrete_fields if field.attname == name)


def _cast(connection: BaseDatabaseWrapper, field: models.Field[Any, Any]) -> str:
    if connection.vendor != "postgresql":
        return "%s"
    kind = field.rel_db_type(connection) if field.primary_key else field.db_type(connection)
    return f"CAST(%s AS {kind})"
