"""The one sealer chains what was written: every second a batch of rows on top of the last seal.

Rows are sealed in the order in which they become visible: one that commits late goes into a later
seal. Writers never wait for the chain.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import socket
import time
from collections.abc import Iterable

from django.db import IntegrityError, transaction

from apps.audit import head
from apps.audit.canonical import SEAL_PURPOSE, seal_bytes
from apps.audit.models import AuditRow, Seal
from apps.core import leases
from apps.core.clock import utcnow
from apps.core.crypto import mac
from apps.core.logging import get_logger
from apps.core.sql import AMONG, Prepared, Statement, here, listed

LEASE = "sealer"
LEASE_SECONDS = 30
BATCH = 1000
START = "0" * 64
_log = get_logger(__name__)
unsealed = Prepared(
    lambda: AuditRow.objects.filter(seal=None).order_by("id").values_list("id", "mac"), window=True
)
_SEALED = {
    vendor: Statement(f"UPDATE audit_auditrow SET seal_id = %s WHERE id {among}")  # noqa: S608
    for vendor, among in AMONG.items()
}
_NAME = secrets.token_hex(4)


def seal_once(limit: int = 10_000) -> int:
    """Seal up to `limit` rows that nobody sealed yet; return how many.

    Made to be called every second by any process: without rows it costs one look into an index,
    and while another process seals it does nothing.
    """
    if not unsealed.rows(1, 0):
        return 0
    holder = f"{socket.gethostname()}:{os.getpid()}:{_NAME}"
    epoch = leases.acquire(LEASE, holder, LEASE_SECONDS)
    if epoch is None:
        return 0
    try:
        return _seal_batches(limit, holder, epoch)
    finally:
        leases.release(LEASE, holder, epoch)


def _seal_batches(limit: int, holder: str, epoch: int) -> int:
    done, renewed = 0, time.monotonic()
    while done < limit:
        if time.monotonic() - renewed > LEASE_SECONDS / 3:
            if not leases.renew(LEASE, holder, epoch, LEASE_SECONDS):
                break
            renewed = time.monotonic()
        size = min(BATCH, limit - done)
        try:
            count = _seal_batch(size)
        except IntegrityError:
            _log.warning("another process seals too; its seal counts", lease=LEASE)
            break
        done += count
        if count < size:
            break
    return done


def _seal_batch(size: int) -> int:
    with transaction.atomic():
        # First of all: should another process seal meanwhile, the number after this is taken.
        last = Seal.objects.order_by("-number").first()
        rows: list[tuple[int, str]] = [(key, tag) for key, tag in unsealed.rows(size, 0)]
        if not rows:
            return 0
        seal = _next_seal(last, rows)
        seal.save(force_insert=True)
        connection = here()
        _SEALED[connection.vendor].count(
            connection, [seal.number, listed(connection, [key for key, _ in rows])]
        )
        transaction.on_commit(lambda: head.write(seal))
    return len(rows)


def _next_seal(last: Seal | None, rows: list[tuple[int, str]]) -> Seal:
    previous = last.digest if last else START
    seal = Seal(
        number=last.number + 1 if last else 1,
        first_id=rows[0][0],
        last_id=rows[-1][0],
        rows=len(rows),
        previous=previous,
        digest=digest(previous, rows),
        at=utcnow(),
    )
    seal.mac = mac(seal_bytes(seal), SEAL_PURPOSE)
    return seal


def digest(previous: str, rows: Iterable[tuple[int, str]]) -> str:
    """Return the SHA-256 (hex) of the previous digest and the keys and tags of rows in order."""
    found = hashlib.sha256(previous.encode())
    for key, tag in rows:
        found.update(f"\n{key} {tag}".encode())
    return found.hexdigest()
