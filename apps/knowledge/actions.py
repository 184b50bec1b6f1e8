"""What can be done to documents: each checks, changes and audits in one transaction.

The admin, the chat and the command line call the same functions.
"""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.db.models import QuerySet

from apps.accounts import guard
from apps.audit import log as audit
from apps.audit.log import Actor
from apps.core.clock import utcnow
from apps.im import file_names
from apps.knowledge import collections, purging, reading, store
from apps.knowledge.errors import UnknownDocument
from apps.knowledge.models import Collection, Document

#: Who adds a document and reads it at once is left alone by the others for this long.
OWN = timedelta(minutes=3)
NOBODY_ELSE = timedelta()


@dataclass(frozen=True, slots=True)
class Added:
    """The document, and whether it is new here; the same bytes again change nothing."""

    document: Document
    fresh: bool


def add(
    collection: str, name: str, data: bytes, actor: Actor, *, wait: timedelta = NOBODY_ELSE
) -> Added:
    """Take a document in; it is read by a worker, or after `wait` if its adder did not do it.

    The last version that could be read stays until this one is. Raises `CannotRead`,
    `UnknownCollection`, `WhichCollection`, `Forbidden`, OSError.
    """
    name = file_names.clean(name)
    kind = reading.kind_of(data, name)
    place = collections.to_write(collection, actor)
    row = _row(place, name, kind, data, actor)
    row.not_before += wait
    store.save(row, data)
    try:
        added = _add(row, actor)
    except BaseException:
        store.path_of(row).unlink(missing_ok=True)
        raise
    if not added.fresh:
        store.path_of(row).unlink(missing_ok=True)
    return added


def check(collection: str, name: str, data: bytes, actor: Actor) -> None:
    """Raise what `add` would raise, without adding."""
    reading.kind_of(data, file_names.clean(name))
    collections.to_write(collection, actor)


def reindex(document: Document, actor: Actor) -> Document:
    """Read a document again; until that is done it is found as it was. Raises `CannotRead`."""
    _must_write(document.collection, actor)
    data = store.load(document)
    row = _row(document.collection, document.name, document.kind, data, actor)
    store.save(row, data)
    with transaction.atomic():
        _drop(_unfinished(row))
        row.save(force_insert=True)
        _record("document.reindexed", row, actor)
    return row


def remove(document: Document, actor: Actor) -> None:
    """Take a document away: its passages, its place in the index, its bytes, in all versions."""
    _must_write(document.collection, actor)
    with transaction.atomic():
        same = Document.objects.filter(collection=document.collection, name=document.name)
        _drop(same)
        _record("document.removed", document, actor)
    purging.purge()


def withdraw(document: Document, actor: Actor) -> None:
    """Take back a document that its adder no longer wants read; one that is ready stays."""
    with transaction.atomic():
        rows = Document.objects.filter(pk=document.pk, state__in=("waiting", "running"))
        if rows.exists():
            _drop(rows)
            _record("document.withdrawn", document, actor)
    purging.purge()


def remove_collection(row: Collection, actor: Actor) -> None:
    """Take a collection away with everything in it."""
    guard.must_hold(actor, collections.MANAGE)
    documents = Document.objects.filter(collection=row)
    with transaction.atomic():
        names = list(documents.filter(state="ready").values_list("name", flat=True)[:100])
        _drop(documents)
        obj = ("collection", row.pk, row.name)
        audit.record(
            "collection.removed", actor=actor, obj=obj, outcome="done", data={"documents": names}
        )
    purging.purge()
    row.delete()


def find(collection: str, name: str, actor: Actor) -> Document:
    """The newest version of a document that the actor may manage. Raises `UnknownDocument`."""
    places = collections.manageable(actor)
    if collection:
        places = [one for one in places if one.name == collections.clean(collection)]
    rows = Document.objects.filter(collection__in=places, name=name).exclude(state="gone")
    found = rows.select_related("collection").order_by("-pk").first()
    if found is None:
        raise UnknownDocument(name=name[:200])
    return found


def _row(place: Collection, name: str, kind: str, data: bytes, actor: Actor) -> Document:
    return Document(
        uid=uuid.uuid4(), collection=place, name=name, kind=kind, size=len(data),
        sha256=hashlib.sha256(data).hexdigest(), added_by_id=actor.person_id, lane="batch",
        not_before=utcnow(),
    )  # fmt: skip


def _add(row: Document, actor: Actor) -> Added:
    with transaction.atomic():
        # One after the other, so that the same bytes sent twice at once are one document.
        Collection.objects.select_for_update().get(pk=row.collection_id)
        known = Document.objects.filter(
            collection_id=row.collection_id, sha256=row.sha256,
            state__in=("waiting", "running", "ready"),
        ).order_by("-pk").first()  # fmt: skip
        others = _unfinished(row)
        _drop(others.exclude(pk=known.pk) if known else others)
        if known is not None:
            return Added(known, False)
        row.save(force_insert=True)
        _record("document.added", row, actor, size=row.size, sha256=row.sha256)
    return Added(row, True)


def _unfinished(row: Document) -> QuerySet[Document]:
    """Other versions of it that are not, or could not be, read: nobody waits for them any more."""
    same = Document.objects.filter(collection_id=row.collection_id, name=row.name)
    return same.filter(state__in=("waiting", "running", "failed"))


def _drop(rows: QuerySet[Document]) -> None:
    """Gone at once for everybody; their passages and bytes are cleared away after that."""
    rows.exclude(state="gone").update(state="gone", lease_until=None)


def _must_write(place: Collection, actor: Actor) -> None:
    guard.must_hold(actor, place.write_permission, collections.MANAGE)


def _record(action: str, row: Document, actor: Actor, **data: object) -> None:
    obj = ("document", row.pk, row.name)
    shown = {"collection": row.collection.name, **data}
    audit.record(action, actor=actor, obj=obj, outcome="done", data=shown)
