"""Leased rows: the row is the truth, a queue message is only a wake-up.

A `WorkItem` is claimed for a lease of 30 s by the database's clock, and every claim raises
`attempts`, which is the fencing token: whoever writes with an older number changes nothing.
Due times (`not_before`) take `now` as an argument so that tests can move it.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, ClassVar, Generic, TypeVar

from django.db import connection, models, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import F, Q
from django.utils import timezone

from apps.core.sql import AMONG, Compiled, Prepared, Slot, Statement, here, light_commit, listed

LEASE_SECONDS = 30
Item = TypeVar("Item", bound="WorkItem")


class DbNow(models.Func):
    """The database's clock, the same within one statement, usable in an index condition."""

    output_field = models.DateTimeField()
    template = "STATEMENT_TIMESTAMP()"

    def as_sqlite(self, compiler: Any, connection: Any, **extra: Any) -> tuple[str, tuple[()]]:
        """SQLite's clock in the text form in which Django stores datetimes."""
        return "STRFTIME('%%Y-%%m-%%d %%H:%%M:%%f', 'now')", ()


def _lease_sql(vendor: str, seconds: float) -> str:
    """SQL for 'now plus the lease'."""
    if vendor == "sqlite":
        return f"STRFTIME('%%Y-%%m-%%d %%H:%%M:%%f', 'now', '+{seconds:.3f} seconds')"
    return f"STATEMENT_TIMESTAMP() + INTERVAL '{seconds:.3f} seconds'"


class StateIn(models.Func):
    """The state is one of these, written into the statement as an index's condition has it.

    SQLite uses a partial index only where the statement repeats its condition; of values that are
    given as parameters it sees no more than one.
    """

    output_field = models.BooleanField()
    template = "%(expressions)s %(among)s"

    def __init__(self, *states: str) -> None:
        if not all(state.isidentifier() for state in states):
            raise ValueError(f"not names of states: {states}")
        quoted = ", ".join(f"'{state}'" for state in states)
        among = f"IN ({quoted})" if states[1:] else f"= {quoted}"
        super().__init__(F("state"), among=among)


class WorkItem(models.Model):
    """A row that somebody must finish exactly once."""

    READY: ClassVar[tuple[str, ...]] = ("waiting",)
    WORKING: ClassVar[str] = "running"
    DEAD: ClassVar[str] = "dead"
    #: Every state in which something is still to be done, exactly as the partial indexes name them.
    OPEN: ClassVar[tuple[str, ...]] = ()
    #: What is known of a row that a silent worker held, beside that it is ready again.
    SILENT: ClassVar[dict[str, Any]] = {}

    state = models.CharField(max_length=12, default="waiting")
    lane = models.CharField(max_length=12, default="interactive")
    turn = models.IntegerField(default=0)
    not_before = models.DateTimeField(default=timezone.now)
    attempts = models.PositiveSmallIntegerField(default=0)
    max_attempts = models.PositiveSmallIntegerField(default=3)
    lease_until = models.DateTimeField(null=True, blank=True)
    last_error = models.TextField(blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        abstract = True


def unfinished(model: type[Item]) -> models.QuerySet[Item]:
    """Rows with which something is still to be done, found without looking at those that ended."""
    manager: models.Manager[Item] = model._default_manager
    return manager.filter(StateIn(*model.OPEN)) if model.OPEN else manager.all()


def claimable(model: type[Item], now: datetime | Slot) -> models.QuerySet[Item]:
    """Rows that may be claimed: ready, due, not leased, attempts left; fair by `turn`."""
    free = Q(lease_until__isnull=True) | Q(lease_until__lt=DbNow())
    return (
        unfinished(model)
        .filter(free, state__in=model.READY, not_before__lte=now)
        .filter(attempts__lt=F("max_attempts"))
        .order_by("turn", "pk")
    )


class Claim(Generic[Item]):
    """Leases the first of some candidates in one statement, built once.

    `candidates` gives a queryset with a slot `now`. Two claimers never get the same row: PostgreSQL
    skips rows that are locked, SQLite has one writer. A `light` claim may be forgotten in a power
    cut: only for work whose first effect is a commit of its own.
    """

    def __init__(
        self,
        candidates: Callable[[], models.QuerySet[Item]],
        *,
        lease: float = LEASE_SECONDS,
        light: bool = False,
    ) -> None:
        self._candidates = candidates
        self._lease = lease
        self._commit = light_commit if light else contextlib.nullcontext
        self._ready: dict[str, tuple[type[Item], Compiled, Statement, Compiled]] = {}

    def run(self, limit: int, **values: Any) -> list[Item]:
        """Lease up to `limit` of them and return them as they now are, in their order."""
        connection = here()
        model, picked, statement, rows = self._prepared(connection)
        with self._commit(connection), transaction.atomic(savepoint=False):
            params = [*picked.filled(connection, values), limit, model.WORKING]
            found = rows.converted(connection, statement.rows(connection, params))
        made = [model.from_db(connection.alias, rows.names, row) for row in found]
        return sorted(made, key=lambda row: (row.turn, row.pk))

    def _prepared(
        self, connection: BaseDatabaseWrapper
    ) -> tuple[type[Item], Compiled, Statement, Compiled]:
        found = self._ready.get(connection.vendor)
        if found is None:
            candidates = self._candidates()
            model = candidates.model
            picked = Compiled(candidates.values("pk"), connection)
            rows = Compiled(model._default_manager.order_by(), connection)
            text = self._text(model, connection, picked)
            found = self._ready[connection.vendor] = (model, picked, Statement(text), rows)
        return found

    def _text(self, model: type[Item], connection: BaseDatabaseWrapper, picked: Compiled) -> str:
        table, key = model._meta.db_table, model._meta.pk.column
        columns = ", ".join(f'"{field.column}"' for field in model._meta.concrete_fields)
        lock = f' FOR UPDATE OF "{table}" SKIP LOCKED' if connection.vendor == "postgresql" else ""
        # Picked first and once: as a plain subquery PostgreSQL may run it again for every row of
        # the table (a nested loop, while its statistics say one row), and lease them all.
        return (
            f"WITH picked AS MATERIALIZED ({picked.statement.text} LIMIT %s{lock}) "  # noqa: S608
            f'UPDATE "{table}" SET state = %s, attempts = attempts + 1, '
            f"lease_until = {_lease_sql(connection.vendor, self._lease)} "
            f'WHERE "{key}" IN (SELECT * FROM picked) RETURNING {columns}'
        )


def claim(
    candidates: models.QuerySet[Item],
    limit: int,
    *,
    lease: float = LEASE_SECONDS,
    light: bool = False,
) -> list[Item]:
    """Lease up to `limit` of the candidates, once; see `Claim` for what is claimed often."""
    return Claim(lambda: candidates, lease=lease, light=light).run(limit)


def hold(model: type[Item], token: tuple[Any, int], *, lease: float = LEASE_SECONDS) -> bool:
    """Renew the lease of (pk, attempts); False when the row is no longer ours."""
    table, key = model._meta.db_table, model._meta.pk.column
    sql = (
        f'UPDATE "{table}" SET lease_until = {_lease_sql(connection.vendor, lease)} '  # noqa: S608
        f'WHERE "{key}" = %s AND attempts = %s AND state = %s AND lease_until IS NOT NULL'
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, [*token, model.WORKING])
        return bool(cursor.rowcount == 1)


def settle(items: Sequence[Item], **changes: Any) -> set[Any]:
    """Write `changes` to the rows that are still ours, free their lease, return their keys.

    A row whose `attempts` moved on (our lease ran out and somebody else took it) is left alone.
    """
    done: set[Any] = set()
    by_attempt: dict[int, list[Any]] = {}
    for item in items:
        by_attempt.setdefault(item.attempts, []).append(item.pk)
    for attempts, keys in by_attempt.items():
        done |= _settle(type(items[0]), keys, attempts, changes)
    return done


def _settle(model: type[Item], keys: list[Any], attempts: int, changes: dict[str, Any]) -> set[Any]:
    changes = {"lease_until": None, **changes}
    using = here()
    values = [
        model._meta.get_field(name).get_db_prep_save(value, using)  # type: ignore[union-attr]
        for name, value in changes.items()
    ]
    # One statement, so that "who is still ours" and the write are one decision.
    statement = _settling(model, tuple(changes), using.vendor)
    rows = statement.rows(using, [*values, attempts, model.WORKING, listed(using, keys)])
    return {key for (key,) in rows}


@functools.cache
def _settling(model: type[WorkItem], names: tuple[str, ...], vendor: str) -> Statement:
    table, key = model._meta.db_table, model._meta.pk.column
    sets = ", ".join(f'"{model._meta.get_field(name).column}" = %s' for name in names)  # type: ignore[union-attr]
    return Statement(
        f'UPDATE "{table}" SET {sets} WHERE attempts = %s AND state = %s '  # noqa: S608
        f'AND lease_until IS NOT NULL AND "{key}" {AMONG[vendor]} RETURNING "{key}"'
    )


def finish(item: Item, state: str, **changes: Any) -> bool:
    """Move one claimed row to `state`; False when it is no longer ours."""
    return bool(settle([item], state=state, **changes))


def retry_at(item: Item, when: datetime, error: str, **changes: Any) -> bool:
    """Give a claimed row back, to be claimed again not before `when`; dead after the last try."""
    state = item.DEAD if item.attempts >= item.max_attempts else item.READY[0]
    return finish(item, state, not_before=when, last_error=error[:2000], **changes)


def fail(item: Item, error: str) -> bool:
    """End a claimed row as dead, listed and replayable, with the reason."""
    return finish(item, item.DEAD, last_error=error[:2000])


def expired(model: type[Item]) -> models.QuerySet[Item]:
    """Rows whose worker went silent: leased, and the lease has run out."""
    return unfinished(model).filter(state=model.WORKING, lease_until__lt=DbNow())


@functools.cache
def _silent(model: type[Item]) -> Prepared[Item]:
    return Prepared(lambda: expired(model).values_list("pk"), window=True)


def sweep(model: type[Item], limit: int = 500) -> tuple[int, list[Item]]:
    """Take rows back from silent workers: (given back, those that died of it)."""
    if not _silent(model).rows(1, 0):
        return 0, []
    with transaction.atomic():
        rows = list(
            expired(model).select_for_update(skip_locked=connection.vendor == "postgresql")[:limit]
        )
        dead = [row for row in rows if row.attempts >= row.max_attempts]
        back = [row for row in rows if row.attempts < row.max_attempts]
        _release(model, back, {"state": model.READY[0], **model.SILENT})
        _release(model, dead, {"state": model.DEAD})
        for row in dead:
            row.state = model.DEAD
    return len(back), dead


def _release(model: type[Item], rows: Iterable[Item], changes: dict[str, Any]) -> None:
    keys = [row.pk for row in rows]
    if keys:
        model._default_manager.filter(pk__in=keys).update(
            **changes, lease_until=None, last_error="the worker went silent"
        )


def held(model: type[Item], token: tuple[Any, int]) -> bool:
    """Is (pk, attempts) still ours? Reads only."""
    key, attempts = token
    rows = model._default_manager.filter(pk=key, attempts=attempts, state=model.WORKING)
    return rows.filter(lease_until__isnull=False).exists()
