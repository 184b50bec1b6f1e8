"""The index made anew from the stored passages: after a new way to cut words, or for vectors."""

from __future__ import annotations

from django.db import transaction

from apps.knowledge import index
from apps.knowledge.chunks import Passage
from apps.knowledge.embedding import Embedder
from apps.knowledge.indexing import indexed_words, title_of
from apps.knowledge.models import Chunk, Document

BATCH = 200


def rebuild(*, vectors: bool = False) -> int:
    """Cut every passage into words again, and with `vectors` have each embedded again.

    Returns how many passages there are. What is found meanwhile is found as before.
    """
    count = 0
    for document in Document.objects.filter(state="ready").order_by("pk").iterator(chunk_size=200):
        count += _document(document, vectors=vectors)
    index.rebuild()
    return count


def _document(document: Document, *, vectors: bool) -> int:
    title, embedded = title_of(document), Embedder.of_documents(document)
    fields = ["words", "vector", "signs", "vector_by"] if vectors else ["words"]
    rows = list(document.chunks.order_by("number").only("pk", "text", "place"))
    for start in range(0, len(rows), BATCH):
        batch = rows[start : start + BATCH]
        for row in batch:
            row.words = " ".join(indexed_words(title, Passage(row.text, row.place)))
        if vectors:
            _forget(batch)
            embedded.add_to(batch)
        with transaction.atomic():
            Chunk.objects.bulk_update(batch, fields)
    if vectors:
        why = embedded.problem
        Document.objects.filter(pk=document.pk, state="ready").update(
            why={"zh": why.zh, "en": why.en} if why else {}
        )
    return len(rows)


def _forget(rows: list[Chunk]) -> None:
    for row in rows:
        row.vector, row.signs, row.vector_by = None, None, ""
