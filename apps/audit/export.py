"""Give the audit out, one JSON object for each row, with everything that proves it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from apps.audit.canonical import stamp
from apps.audit.models import AuditRow

_CHUNK = 1000


def export(
    since: datetime | None = None, until: datetime | None = None
) -> Iterator[dict[str, Any]]:
    """Yield the rows with ``since <= at < until`` in the order in which they were written.

    ``seal`` is null for a row of the last second that no seal covers yet.
    """
    rows = AuditRow.objects.order_by("id")
    if since is not None:
        rows = rows.filter(at__gte=since)
    if until is not None:
        rows = rows.filter(at__lt=until)
    for row in rows.iterator(_CHUNK):
        yield line(row)


def line(row: AuditRow) -> dict[str, Any]:
    """Return one row as it is exported."""
    return {
        "id": row.pk,
        "at": stamp(row.at),
        "actor": row.actor,
        "actor_label": row.actor_label,
        "action": row.action,
        "object": {"type": row.object_type, "id": row.object_id, "label": row.object_label},
        "outcome": row.outcome,
        "trace_id": row.trace_id,
        "data": row.data,
        "producer": row.producer,
        "seq": row.seq,
        "mac": row.mac,
        "seal": row.seal_id,
    }
