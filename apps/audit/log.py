"""Write down who did what: `record()` in the transaction of what is done, so both or neither."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import connections, router, transaction

from apps.audit.actor import Actor
from apps.audit.canonical import ROW_PURPOSE, plain, row_bytes, text
from apps.audit.counter import counter_of
from apps.audit.insert import insert
from apps.audit.models import AuditRow
from apps.core.clock import utcnow
from apps.core.crypto import mac
from apps.core.logging import current_trace_id

__all__ = ["Actor", "Entry", "record", "record_many"]

#: Type, key and readable name of what an action was done to.
Obj = tuple[str, object, object]


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the audit, before it is written."""

    action: str
    actor: Actor
    obj: Obj | None = None
    outcome: str = ""
    trace_id: str = ""
    data: Mapping[str, Any] | None = field(default=None)


def record(
    action: str,
    *,
    actor: Actor,
    obj: Obj | None = None,
    outcome: str = "",
    trace_id: str = "",
    data: Mapping[str, Any] | None = None,
) -> None:
    """Write one row in the caller's transaction; without one it is committed at once.

    The trace id is the current one unless given. Names that are too long are cut, never refused.
    Raises the database's error when the row cannot be written: what is not written down must not
    happen.
    """
    record_many([Entry(action, actor, obj, outcome, trace_id, data)])


def record_many(entries: Sequence[Entry]) -> None:
    """Write rows in order with one insert, in the caller's transaction (see ``record``)."""
    if not entries:
        return
    using = router.db_for_write(AuditRow)
    with transaction.atomic(using=using, savepoint=False):
        counter = counter_of(connections[using])
        first = counter.last() + 1
        rows = [
            _row(entry, counter.producer, seq) for seq, entry in enumerate(entries, start=first)
        ]
        insert(rows)
        counter.wrote(first + len(rows) - 1)


def _row(entry: Entry, producer: str, seq: int) -> dict[str, Any]:
    kind, key, label = entry.obj or ("", "", "")
    values = {
        "at": utcnow(),
        "producer": producer,
        "seq": seq,
        "actor": text(entry.actor.key, "actor"),
        "actor_label": text(entry.actor.label, "actor_label"),
        "action": text(entry.action, "action"),
        "object_type": text(kind, "object_type"),
        "object_id": text(key, "object_id"),
        "object_label": text(label, "object_label"),
        "outcome": text(entry.outcome, "outcome"),
        "trace_id": text(entry.trace_id or current_trace_id(), "trace_id"),
        "data": plain(entry.data or {}),
    }
    values["mac"] = mac(row_bytes(values), ROW_PURPOSE)
    return values
