"""The placeholders of each audience, kept encrypted for a while after they were last used."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import TypeVar

import structlog
from django.db import IntegrityError, transaction

from apps.core import crypto
from apps.core.clock import utcnow
from apps.core.errors import ClawdbotError
from apps.core.masking import Book
from apps.llm.privacy_models import MaskMap

log = structlog.get_logger(__name__)
#: Long enough for a conversation that goes on tomorrow.
KEEP = timedelta(hours=24)
_TRIES = 20
Done = TypeVar("Done")


class MapBusy(ClawdbotError):
    """Too much is asked in this conversation at once. Please try again."""

    code = "map_busy"
    zh = "这个会话里同时提问太多，请再试一次。"
    http_status = 503


def with_book(
    audience: str, kinds: Iterable[str], work: Callable[[Book], Done]
) -> tuple[Book, Done]:
    """Run `work` with the audience's book and keep what it added; without an audience, with a
    book of its own. `work` is run again when somebody else added to the book meanwhile."""
    if not audience:
        book = Book(kinds=kinds)
        return book, work(book)
    for _ in range(_TRIES):
        row = MaskMap.objects.filter(audience=audience).first()
        book = _open(row, kinds)
        done = work(book)
        if _keep(audience, row, book):
            return book, done
    raise MapBusy


def forget(audience: str) -> bool:
    """Forget what stood for what in a conversation; was there anything?"""
    return MaskMap.objects.filter(audience=audience).delete()[0] > 0


def forget_expired(now: datetime) -> int:
    """Forget what nobody used for a day; returns how many conversations that were."""
    return MaskMap.objects.filter(expires_at__lt=now).delete()[0]


def _open(row: MaskMap | None, kinds: Iterable[str]) -> Book:
    if row is None or row.expires_at < utcnow():
        return Book(kinds=kinds)
    try:
        body = json.loads(crypto.decrypt(row.body, row.aad))
    except crypto.SecretError as error:
        # Its key is gone, and what it held with it: the conversation goes on with new ones.
        log.warning("maskmap.unreadable", audience=row.audience, reason=str(error))
        return Book(kinds=kinds)
    return Book(body["values"], body["last"], kinds)


def _keep(audience: str, row: MaskMap | None, book: Book) -> bool:
    """Write what is new; False when somebody else wrote first."""
    now = utcnow()
    if not book.changed:
        if row is not None and now < row.expires_at < now + KEEP / 2:
            MaskMap.objects.filter(pk=row.pk).update(expires_at=now + KEEP)
        return True
    body = json.dumps({"values": book.newest(), "last": book.last}, ensure_ascii=False)
    if row is None:
        made = MaskMap(audience=audience, expires_at=now + KEEP)
        made.body = crypto.encrypt(_valid(body), made.aad)
        try:
            with transaction.atomic():
                made.save(force_insert=True)
        except IntegrityError:
            return False
        return True
    written = MaskMap.objects.filter(pk=row.pk, version=row.version).update(
        body=crypto.encrypt(_valid(body), row.aad), version=row.version + 1, expires_at=now + KEEP
    )
    return written == 1


def _valid(body: str) -> str:
    """Half of a surrogate pair is no UTF-8; JSON can spell it."""
    try:
        body.encode()
    except UnicodeEncodeError:
        return json.dumps(json.loads(body))
    return body
