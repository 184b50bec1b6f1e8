"""What `/cleanup` does: old temporary files and rows go, the database is put in order.

Kept: messages and deliveries 30 days (platforms repeat for hours, the contract says 7 days at
least), jobs 180 days, model calls as long as their policy says, used links and codes a day. The
audit is not touched here.
"""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from pathlib import Path

import structlog
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import connection, transaction
from django.db.models import Model, QuerySet

from apps.accounts.models import PairingCode, SignInLink
from apps.assistant.models import Job, Message, Remembered
from apps.core.models import Heartbeat
from apps.im import files
from apps.im.models import Delivery
from apps.knowledge import store
from apps.llm import budgets, calls, mask_maps

log = structlog.get_logger(__name__)
CHUNK = 1000
KEEP_MESSAGES = timedelta(days=30)
KEEP_JOBS = timedelta(days=180)
KEEP_LINKS = timedelta(days=1)
KEEP_FILES_S = 24 * 3600
ENDED = ("done", "ignored", "refused", "limited", "dead")
OUT = ("sent", "failed", "expired")


def clean_up(now: datetime) -> dict[str, int]:
    """Remove what is old and optimise the database; returns how many of each kind went."""
    old = now - KEEP_MESSAGES
    removed = {
        "deliveries": _delete(Delivery.objects.filter(state__in=OUT, created_at__lt=old)),
        "jobs": _delete(Job.objects.filter(state__in=Job.FINAL, finished_at__lt=now - KEEP_JOBS)),
        "messages": _delete(Message.objects.filter(state__in=ENDED, created_at__lt=old)),
        "codes": _delete(PairingCode.objects.filter(expires_at__lt=now - KEEP_LINKS))
        + _delete(SignInLink.objects.filter(expires_at__lt=now - KEEP_LINKS)),
        "sessions": _delete(Session.objects.filter(expire_date__lt=now)),
        "budgets": budgets.clean_up(now),
        "placeholders": mask_maps.forget_expired(now),
        "calls": calls.clean_up(now),
        "heartbeats": _delete(Heartbeat.objects.filter(at__lt=now - KEEP_LINKS)),
        "memories": _delete(Remembered.objects.filter(expires_at__lt=now)),
        "files": _old_files(settings.CLAWDBOT_HOME / "tmp") + files.remove_old(now),
        "documents": store.remove_strays(now),
    }
    _optimise()
    log.info("cleanup.done", **removed)
    return removed


def _delete(rows: QuerySet[Model]) -> int:
    """Delete in small transactions, so that nobody waits for a long one."""
    total = 0
    while True:
        keys = list(rows.values_list("pk", flat=True)[:CHUNK])
        if not keys:
            return total
        rows.model._default_manager.filter(pk__in=keys).delete()
        total += len(keys)


def _old_files(folder: Path) -> int:
    if not folder.is_dir():
        return 0
    limit = time.time() - KEEP_FILES_S
    old = [p for p in folder.rglob("*") if p.is_file() and p.lstat().st_mtime < limit]
    for path in old:
        path.unlink(missing_ok=True)
    return len(old)


def _optimise() -> None:
    """Fresh statistics for the planner; SQLite also folds its write-ahead log back."""
    sqlite = connection.vendor == "sqlite"
    # In a transaction SQLite waits for the other writers instead of giving up at once.
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("PRAGMA optimize" if sqlite else "ANALYZE")
    if sqlite:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA wal_checkpoint(PASSIVE)")
