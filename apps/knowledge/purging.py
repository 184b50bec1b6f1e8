"""Clears away what is gone: passages in small transactions, so that nobody waits for a long one."""

from __future__ import annotations

from apps.core import work
from apps.core.sql import Prepared
from apps.knowledge import store
from apps.knowledge.models import Chunk, Document

BATCH = 500
any_gone = Prepared(
    lambda: work.unfinished(Document).filter(state="gone").values_list("pk"), window=True
)


def purge() -> int:
    """Clear away everything that is gone; returns how many documents that were."""
    if not any_gone.rows(1, 0):
        return 0
    rows = list(Document.objects.filter(state="gone"))
    for row in rows:
        clear(row)
        store.path_of(row).unlink(missing_ok=True)
        row.delete()
    return len(rows)


def clear(document: Document) -> None:
    """Remove its passages, and with them its place in the index."""
    while keys := list(document.chunks.values_list("pk", flat=True)[:BATCH]):
        Chunk.objects.filter(pk__in=keys).delete()
