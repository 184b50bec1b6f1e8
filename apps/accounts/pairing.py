"""Pairing codes: what a stranger is shown, and what somebody who is known types in.

Only a keyed hash of a code is kept, for ten minutes; ten wrong codes in an hour are enough.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.db import transaction

from apps.accounts.errors import PairingError, TooManyTries
from apps.accounts.models import Binding, PairingCode
from apps.audit import log
from apps.audit.actor import Actor
from apps.audit.models import AuditRow
from apps.core import ids
from apps.core.clock import utcnow
from apps.core.crypto import mac

LIFETIME = timedelta(minutes=10)
PAUSE = timedelta(hours=1)
TRIES = 10
WRONG = "pairing.wrong"


def pairing_code(bot_id: int, external_id: str, sender_name: str, now: datetime) -> str | None:
    """Return a new code for an identity, or None when it got one in the last hour.

    None also for an identity that is somebody's: a leaver's account is not paired again.
    """
    if Binding.objects.filter(bot_id=bot_id, external_id=external_id).exists():
        return None
    code = ids.code(8)
    fresh = {
        "sender_name": sender_name[:200],
        "code_hash": _hash(code),
        "created_at": now,
        "expires_at": now + LIFETIME,
        "used_at": None,
    }
    row, made = PairingCode.objects.get_or_create(
        bot_id=bot_id, external_id=external_id, defaults=fresh
    )
    # Of two messages at once only one finds the old code old.
    old = PairingCode.objects.filter(pk=row.pk, created_at__lte=now - PAUSE)
    return code if made or old.update(**fresh) else None


@contextmanager
def take_code(typed: str, actor: Actor) -> Iterator[PairingCode]:
    """Give the row of a valid code, which is used up if the block succeeds.

    Raises ``PairingError`` (and counts it) or ``TooManyTries``.
    """
    if not actor.is_system and _wrong_tries(actor) >= TRIES:
        raise TooManyTries
    try:
        with transaction.atomic():
            yield _claim(typed)
    except PairingError:
        log.record(WRONG, actor=actor, outcome="refused")
        raise


def _claim(typed: str) -> PairingCode:
    now = utcnow()
    valid = PairingCode.objects.filter(
        code_hash=_hash(ids.tidy(typed)), used_at=None, expires_at__gt=now
    )
    row = valid.first()
    if row is None or not valid.filter(pk=row.pk).update(used_at=now):
        raise PairingError
    return row


def _wrong_tries(actor: Actor) -> int:
    since = utcnow() - PAUSE
    return AuditRow.objects.filter(action=WRONG, actor=actor.key, at__gt=since).count()


def _hash(code: str) -> str:
    # A code is short enough to be found by trying them all, were its hash not keyed.
    return mac(code.encode(), "pairing code").rpartition(":")[2]
