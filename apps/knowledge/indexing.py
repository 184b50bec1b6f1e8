"""A document is read and indexed: claimed by its row, published in one transaction.

Its passages are written in small transactions while nobody finds them; then the document is made
ready and its last version taken out in one. A worker that dies is followed by another.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from django.db import transaction

from apps.audit import log as audit
from apps.audit.log import Actor
from apps.core import work
from apps.core.clock import utcnow
from apps.core.errors import ClawdbotError
from apps.core.i18n import Text, both
from apps.core.sql import Prepared, Slot
from apps.knowledge import chunks, embedding, purging, reading, store, words
from apps.knowledge.chunks import Passage
from apps.knowledge.models import Chunk, Collection, Document
from apps.knowledge.reading import Read

log = structlog.get_logger(__name__)
#: Above what reading one takes; renewed between the batches after that.
LEASE_S = 300
BATCH = 200
#: When a call got lost, it is repeated after this.
AGAIN = timedelta(seconds=60)
_BROKE = both("处理时出了故障，请重试", "something went wrong here; try again")

claims = work.Claim(
    lambda: work.claimable(Document, Slot("now")).filter(pk=Slot("pk")), lease=LEASE_S
)
waiting = Prepared(lambda: work.claimable(Document, Slot("now")).values_list("pk"), window=True)


class Lost(Exception):
    """The document is no longer ours: it was removed, replaced, or another took it over."""


def run(document_id: int, stop: Callable[[], None] = lambda: None) -> Document | None:
    """Read and index one document if that is still to be done; returns it as it then is.

    None when somebody else has it or it is gone. `stop` may raise to end it between two steps.
    """
    found = claims.run(1, pk=document_id, now=utcnow() + timedelta(days=1))
    if not found:
        return Document.objects.filter(pk=document_id, state__in=("ready", "failed")).first()
    document = found[0]
    document.collection = Collection.objects.get(pk=document.collection_id)
    try:
        _index(document, stop)
    except Lost:
        log.info("knowledge.lost", document=document.pk)
        return None
    except ClawdbotError as error:
        why = error.params.get("why")
        _fail(document, why if isinstance(why, Text) else Text(error.text("zh"), error.text("en")))
    except Exception as error:
        # A boundary: whatever it is, it is tried again, and seen.
        log.exception("knowledge.broke", document=document.pk)
        _give_back(document, f"{type(error).__name__}: {error}")
    except BaseException:
        # Cancelled: another run may begin where this one ended.
        work.retry_at(document, utcnow() + AGAIN, "stopped")
        raise
    return Document.objects.filter(pk=document.pk).first()


def due(now: datetime, limit: int = 5) -> list[int]:
    """Documents that wait for a worker; each is named again after a minute if nobody took it."""
    named = []
    for (key,) in waiting.rows(limit, 0, now=now):
        if Document.objects.filter(pk=key, state="waiting", not_before__lte=now).update(
            not_before=now + AGAIN
        ):
            named.append(key)
    return named


def sweep() -> None:
    """Take documents back from silent workers, and clear away what is gone."""
    with transaction.atomic():
        _, dead = work.sweep(Document)
        for row in dead:
            Document.objects.filter(pk=row.pk).update(why=_both(_BROKE))
            _record("document.failed", row, "failed", reason="the worker went silent")
    purging.purge()


def _index(document: Document, stop: Callable[[], None]) -> None:
    read = reading.read(store.load(document), document.kind, document.name)
    stop()
    purging.clear(document)  # what an earlier run left
    rows = _rows(document, read)
    embedded = embedding.Embedder.of_documents(document)
    for start in range(0, len(rows), BATCH):
        batch = rows[start : start + BATCH]
        embedded.add_to(batch)
        stop()
        with transaction.atomic():
            _hold(document)
            Chunk.objects.bulk_create(batch)
    _publish(document, read, len(rows), embedded.problem)


def _rows(document: Document, read: Read) -> list[Chunk]:
    found: list[Passage] = list(chunks.passages(read.pieces))
    title = title_of(document)
    return [
        Chunk(
            document=document, number=number, place=one.place, text=one.text,
            words=" ".join(indexed_words(title, one)),
        )
        for number, one in enumerate(found)
    ]  # fmt: skip


def title_of(document: Document) -> str:
    """Its name without the extension."""
    return document.name.rpartition(".")[0] or document.name


def indexed_words(title: str, passage: Passage) -> list[str]:
    """The words by which a passage is found: its own, its headings' and its document's name."""
    heading = str(passage.place.get("heading") or passage.place.get("sheet") or "")
    return [*words.of_text(f"{title}\n\n{heading}"), *words.of_text(passage.text)]


def _hold(document: Document) -> None:
    """Lock its row in the caller's transaction and renew its lease. Raises `Lost`."""
    Document.objects.select_for_update().filter(pk=document.pk).first()
    if not work.hold(Document, (document.pk, document.attempts), lease=LEASE_S):
        raise Lost


def _publish(document: Document, read: Read, count: int, problem: Text | None) -> None:
    with transaction.atomic():
        Collection.objects.select_for_update().get(pk=document.collection_id)
        _hold(document)
        same = Document.objects.filter(
            collection_id=document.collection_id, name=document.name, state="ready"
        )
        if same.filter(pk__gt=document.pk).exists():  # a newer version was quicker
            work.finish(document, "gone")
        else:
            same.update(state="gone")
            work.finish(
                document, "ready", pages=read.pages, blank=read.blank, indexed_at=utcnow(),
                why=_both(problem) if problem else {}, last_error="",
            )  # fmt: skip
            _record("document.indexed", document, "done", passages=count, pages=read.pages)
    purging.purge()


def _fail(document: Document, why: Text) -> None:
    with transaction.atomic():
        if work.finish(document, "failed", why=_both(why), last_error=why.en):
            _record("document.failed", document, "failed", reason=why.en)
    purging.clear(document)


def _give_back(document: Document, error: str) -> None:
    with transaction.atomic():
        if document.attempts >= document.max_attempts:
            _record("document.failed", document, "failed", reason=error[:200])
        work.retry_at(document, utcnow() + AGAIN, error, why=_both(_BROKE))


def _both(text: Text) -> dict[str, str]:
    return {"zh": text.zh, "en": text.en}


def _record(action: str, document: Document, outcome: str, **data: object) -> None:
    actor = Actor.system("knowledge")
    obj = ("document", document.pk, document.name)
    audit.record(action, actor=actor, obj=obj, outcome=outcome, data=data)
