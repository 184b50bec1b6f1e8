"""Numbers for audit rows: each database connection counts its own rows from 1 without a gap.

A missing number is therefore a missing row. Nothing is asked of the database for it: what this
connection wrote and has not committed stands in Django's list of commit hooks, which forgets
exactly what a rollback (also to a savepoint) undoes.
"""

from __future__ import annotations

import os
import uuid
from typing import Any

from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Max

from apps.audit.models import AuditRow

_ATTRIBUTE = "_clawdbot_audit_counter"
_generation = 0


class _Batch:
    """Rows of one insert; called as a commit hook."""

    __slots__ = ("counter", "last")

    def __init__(self, counter: Counter, last: int) -> None:
        self.counter = counter
        self.last = last

    def __call__(self) -> None:
        self.counter.committed(self)


class Counter:
    """The numbers of one database connection."""

    def __init__(self, wrapper: BaseDatabaseWrapper) -> None:
        self.producer = uuid.uuid4().hex
        self.identity = _identity(wrapper)
        self._wrapper = wrapper
        self._floor = 0  # the highest number known to be committed
        self._open: list[_Batch] = []

    def last(self) -> int:
        """Return the number of this connection's last row, committed or still pending."""
        hooks = {id(hook[1]) for hook in self._wrapper.run_on_commit}
        standing = [batch for batch in self._open if id(batch) in hooks]
        if len(standing) < len(self._open):
            # A rollback dropped them, or their commit is just calling its hooks: the rows know.
            self._open = standing
            return max(self._floor, self._written())
        return standing[-1].last if standing else self._floor

    def wrote(self, last: int) -> None:
        """Note that rows up to `last` were inserted in the transaction that is open now."""
        batch = _Batch(self, last)
        self._open.append(batch)
        transaction.on_commit(batch, using=self._wrapper.alias)

    def committed(self, batch: _Batch) -> None:
        """Count a batch for good."""
        if self._wrapper.in_atomic_block:
            return  # a test calls the hooks of a transaction that it will roll back
        self._floor = max(self._floor, batch.last)
        self._open = [other for other in self._open if other is not batch]

    def _written(self) -> int:
        rows = AuditRow.objects.using(self._wrapper.alias).filter(producer=self.producer)
        highest: int | None = rows.aggregate(highest=Max("seq"))["highest"]
        return highest or 0


def counter_of(wrapper: BaseDatabaseWrapper) -> Counter:
    """Return the counter of a connection; a new one (a new producer) after a reconnect.

    Whether a commit arrived whose connection broke is not known, so its numbers are not used on.
    """
    wrapper.ensure_connection()
    counter: Counter | None = getattr(wrapper, _ATTRIBUTE, None)
    if counter is None or counter.identity != _identity(wrapper):
        counter = Counter(wrapper)
        setattr(wrapper, _ATTRIBUTE, counter)
    return counter


def forget() -> None:
    """Start new producers everywhere in this process: the tables may have been emptied."""
    global _generation
    _generation += 1


class _Same:
    """Compares a driver's connection by identity and keeps it, so that its id is not reused."""

    def __init__(self, connection: object) -> None:
        self.connection = connection

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.connection is self.connection

    __hash__ = None  # type: ignore[assignment]


def _identity(wrapper: BaseDatabaseWrapper) -> tuple[Any, ...]:
    # A forked child inherits the object; two processes must never count as one producer.
    return (os.getpid(), _generation, _Same(wrapper.connection))
