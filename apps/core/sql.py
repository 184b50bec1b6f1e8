"""Statements that are built once and run often: the ORM's words at the price of plain SQL.

Building a query costs the ORM ten times what SQLite needs to answer it. A `Prepared` is written as
a queryset, so that a renamed column breaks it loudly, and is compiled the first time it runs; a
`Slot` stands for a value of each run, an `Among` for a list of them, of any length in one text.
"""

from __future__ import annotations

import contextlib
import functools
import json
import re
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

from django.db import DEFAULT_DB_ALIAS, connections, models, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.expressions import Expression, Func
from django.db.models.sql.subqueries import UpdateQuery

Model = TypeVar("Model", bound=models.Model)
Row = tuple[Any, ...]


#: How a column is compared with a list that is one parameter (see `listed`).
AMONG = {"sqlite": "IN (SELECT value FROM JSON_EACH(%s))", "postgresql": "= ANY(%s)"}


def here() -> BaseDatabaseWrapper:
    """This thread's connection; everything lives in one database."""
    return connections[DEFAULT_DB_ALIAS]


class Slot(Expression):
    """A value that each run gives by this name."""

    def __init__(self, name: str, output_field: models.Field[Any, Any] | None = None) -> None:
        super().__init__(output_field=output_field)
        self.name = name

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        """A placeholder; the slot itself stands among the parameters."""
        return "%s", (self,)


class Among(Func):
    """The column's value is one of a list that each run gives by this name."""

    output_field = models.BooleanField()

    def __init__(self, column: str, name: str) -> None:
        super().__init__(models.F(column))
        self.name = name

    def as_sqlite(
        self, compiler: Any, connection: Any, **extra: Any
    ) -> tuple[str, tuple[Any, ...]]:
        """SQLite takes a JSON list."""
        left, params = compiler.compile(self.source_expressions[0])
        return f"{left} {AMONG['sqlite']}", (*params, Slot(self.name))

    def as_postgresql(
        self, compiler: Any, connection: Any, **extra: Any
    ) -> tuple[str, tuple[Any, ...]]:
        """PostgreSQL takes an array."""
        left, params = compiler.compile(self.source_expressions[0])
        return f"{left} {AMONG['postgresql']}", (*params, Slot(self.name))


class Behind(Func):
    """The row stands behind a place in the order of these columns: names of each run's values.

    However many rows stand before it, an index of these columns leads there at once.
    """

    output_field = models.BooleanField()

    def __init__(self, **names: str) -> None:
        super().__init__(*(models.F(column) for column in names))
        self.names = tuple(names.values())

    def as_sqlite(
        self, compiler: Any, connection: Any, **extra: Any
    ) -> tuple[str, tuple[Any, ...]]:
        """Rows are compared as the index orders them, also on PostgreSQL."""
        parts = [compiler.compile(one) for one in self.source_expressions]
        left = ", ".join(text for text, _ in parts)
        marks = ", ".join("%s" for _ in parts)
        params = [param for _, some in parts for param in some]
        return f"({left}) > ({marks})", (*params, *(Slot(name) for name in self.names))

    as_postgresql = as_sqlite


class Statement:
    """One text of SQL with ``%s`` marks, run past Django's cursors.

    Those rewrite the text on SQLite, and put the values into it on PostgreSQL, at every run; here
    the driver is given both as they are.
    """

    __slots__ = ("_native", "_reads", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        # "%%s" is the text "%s", as in STRFTIME, and no mark.
        self._native = _MARKS.sub(lambda found: "?" if found[0] == "%s" else "%", text)
        self._reads = text.startswith("SELECT")

    def rows(self, connection: BaseDatabaseWrapper, params: Sequence[Any]) -> list[Row]:
        """Run it and return what it selects or returns."""
        with self._run(connection, params) as cursor:
            return [] if cursor.description is None else cursor.fetchall()

    def count(self, connection: BaseDatabaseWrapper, params: Sequence[Any]) -> int:
        """Run it and return how many rows it changed."""
        with self._run(connection, params) as cursor:
            return int(cursor.rowcount)

    @contextlib.contextmanager
    def _run(self, connection: BaseDatabaseWrapper, params: Sequence[Any]) -> Iterator[Any]:
        if self._by_cursor(connection):
            with connection.cursor() as cursor:
                cursor.execute(self.text, params)
                yield cursor
            return
        connection.validate_no_broken_transaction()
        connection.ensure_connection()
        with connection.wrap_database_errors:
            if connection.vendor == "sqlite":
                yield connection.connection.execute(self._native, params)
            else:
                driver: Any = connection  # its own class knows which psycopg it is
                with driver.Database.Cursor(driver.connection) as cursor:
                    yield cursor.execute(self.text, params)

    def _by_cursor(self, connection: BaseDatabaseWrapper) -> bool:
        """Must it be Django's cursor: because somebody watches the queries, or because on SQLite it
        stands in the queue of those who write outside a transaction?"""
        if connection.queries_logged or connection.execute_wrappers:
            return True
        alone = not (self._reads or connection.in_atomic_block)
        return alone and connection.vendor == "sqlite"


_MARKS = re.compile("%[%s]")


def adapted(connection: BaseDatabaseWrapper, value: Any) -> Any:
    """A value as the driver takes it: times, ids and JSON in the form that Django stores."""
    if type(value) in _PLAIN:
        return value
    if isinstance(value, datetime):
        if value.tzinfo is UTC and connection.vendor == "sqlite":
            return _sqlite_time(value)
        return connection.ops.adapt_datetimefield_value(value)
    if isinstance(value, uuid.UUID):
        return value if connection.features.has_native_uuid_field else value.hex
    if isinstance(value, dict | list):
        return json.dumps(value)
    return value


@functools.lru_cache(maxsize=256)
def _sqlite_time(value: datetime) -> str:
    """A time in UTC as Django writes it; the rows of a batch share theirs.

    Only in UTC: elsewhere the two times of the hour that a clock repeats are one key to a cache.
    """
    return str(value.replace(tzinfo=None))


_PLAIN = frozenset({str, int, bool, float, bytes, type(None)})


def listed(connection: BaseDatabaseWrapper, values: Iterable[Any]) -> Any:
    """A list as one parameter: an array on PostgreSQL, JSON on SQLite."""
    found = list(values)
    return json.dumps(found) if connection.vendor == "sqlite" else found


class Compiled:
    """The text of a queryset on one kind of database, its parameters, and its converters."""

    def __init__(
        self, queryset: models.QuerySet[Any], connection: BaseDatabaseWrapper, suffix: str = ""
    ) -> None:
        compiler = queryset.query.get_compiler(connection=connection)
        text, params = compiler.as_sql()
        self.statement = Statement(text + suffix)
        columns = [expression for expression, _, _ in compiler.select]
        self.names = [one.target.attname for one in columns if hasattr(one, "target")]
        self._params = tuple(params)
        self._converters = [
            (place, expression, functions)
            for place, (functions, expression) in compiler.get_converters(columns).items()
        ]

    def filled(self, connection: BaseDatabaseWrapper, values: dict[str, Any]) -> list[Any]:
        """The parameters with what the slots stand for."""
        return _filled(connection, self._params, values)

    def converted(self, connection: BaseDatabaseWrapper, rows: list[Row]) -> list[Row]:
        """The rows as Python has them."""
        if not self._converters:
            return rows
        return [self._row(connection, list(row)) for row in rows]

    def _row(self, connection: BaseDatabaseWrapper, row: list[Any]) -> Row:
        for place, expression, functions in self._converters:
            for function in functions:
                row[place] = function(row[place], expression, connection)
        return tuple(row)


def _filled(
    connection: BaseDatabaseWrapper, params: Iterable[Any], values: dict[str, Any]
) -> list[Any]:
    return [_value(connection, values[p.name]) if isinstance(p, Slot) else p for p in params]


def _value(connection: BaseDatabaseWrapper, value: Any) -> Any:
    if isinstance(value, list | set | frozenset | tuple):
        return listed(connection, value)
    return adapted(connection, value)


class Prepared(Generic[Model]):
    """A queryset that is built and compiled once for each kind of database.

    With `window` each run says how many rows it wants at most, and how many it passes over; with
    `lock` the rows are locked until the caller's transaction ends.
    """

    def __init__(
        self,
        build: Callable[[], models.QuerySet[Model, Any]],
        *,
        window: bool = False,
        lock: bool = False,
    ) -> None:
        self._build = build
        self._window, self._lock = window, lock
        self._compiled: dict[str, Compiled] = {}
        self._model: type[Model] | None = None

    def compiled(self, connection: BaseDatabaseWrapper) -> Compiled:
        """Its text on this kind of database."""
        found = self._compiled.get(connection.vendor)
        if found is None:
            queryset = self._build()
            self._model = queryset.model
            suffix = " LIMIT %s OFFSET %s" if self._window else ""
            if self._lock and connection.vendor == "postgresql":
                suffix += f' FOR UPDATE OF "{queryset.model._meta.db_table}"'
            found = self._compiled[connection.vendor] = Compiled(queryset, connection, suffix)
        return found

    def rows(self, *window: int, **values: Any) -> list[Row]:
        """Run it with these values in its slots; one tuple for each row."""
        connection = here()
        compiled = self.compiled(connection)
        params = [*compiled.filled(connection, values), *window]
        return compiled.converted(connection, compiled.statement.rows(connection, params))

    def instances(self, *window: int, **values: Any) -> list[Model]:
        """The same as instances of its model (columns that it does not select are deferred)."""
        connection = here()
        compiled = self.compiled(connection)
        rows = self.rows(*window, **values)
        assert self._model is not None  # noqa: S101 - set with `compiled`
        make = self._model.from_db
        return [make(connection.alias, compiled.names, row) for row in rows]


class Change:
    """An update of a queryset that is built and compiled once; values may be slots too."""

    def __init__(
        self, build: Callable[[], models.QuerySet[Any, Any]], changes: Callable[[], dict[str, Any]]
    ) -> None:
        self._build, self._changes = build, changes
        self._compiled: dict[str, tuple[Statement, tuple[Any, ...]]] = {}

    def run(self, **values: Any) -> int:
        """Run it with these values in its slots; returns how many rows it changed.

        Alone it is a transaction of its own; within one it adds no savepoint.
        """
        connection = here()
        statement, params = self._prepared(connection)
        filled = _filled(connection, params, values)
        with transaction.atomic(savepoint=False):
            return statement.count(connection, filled)

    def _prepared(self, connection: BaseDatabaseWrapper) -> tuple[Statement, tuple[Any, ...]]:
        found = self._compiled.get(connection.vendor)
        if found is None:
            query: Any = self._build().query.chain(UpdateQuery)
            query.add_update_values(self._changes())
            text, params = query.get_compiler(connection=connection).as_sql()
            found = self._compiled[connection.vendor] = (Statement(text), tuple(params))
        return found


@contextlib.contextmanager
def light_commit(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """What is committed inside may be forgotten in a power cut, as a lease may: it costs no fsync.

    Later commits are written after it, so it is never missing while something after it is there.
    """
    if connection.vendor != "sqlite" or connection.in_atomic_block:
        yield
        return
    connection.ensure_connection()
    connection.connection.execute("PRAGMA synchronous=NORMAL")
    try:
        yield
    finally:
        if connection.connection is not None:
            connection.connection.execute("PRAGMA synchronous=FULL")
