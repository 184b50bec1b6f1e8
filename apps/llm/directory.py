"""The names of the company's people, for the masks; read again when they change."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import structlog
from django.db.models import Count, Max
from django.db.models.signals import post_delete, post_save

from apps.accounts.models import Person
from apps.core.masking import Names

log = structlog.get_logger(__name__)
MOST = 20_000
#: Another process may rename somebody without a word to this one.
FRESH_S = 60.0
#: Sign-in names that are words of every day.
_WORDS = frozenset(
    {
        *("admin", "administrator", "root", "system", "test", "tester", "user", "guest", "bot"),
        *("robot", "support", "office", "staff", "sales", "service", "dev", "ops", "demo", "info"),
        *("help", "finance", "manager", "operator", "auditor", "member", "owner", "team", "all"),
        *("you", "new", "cli", "api", "web"),
    }
)

_lock = threading.Lock()
_generation = 0
_kept: tuple[tuple[object, ...], float, Names] | None = None


def names() -> Names:
    """Everybody's display name and sign-in name, also of those who left."""
    global _kept
    found = Person.objects.aggregate(count=Count("pk"), last=Max("pk"))
    sign = (found["count"], found["last"], _generation)
    kept = _kept
    if kept is not None and kept[0] == sign and time.monotonic() - kept[1] < FRESH_S:
        return kept[2]
    made = Names(_read())
    with _lock:
        _kept = (sign, time.monotonic(), made)
    return made


def _read() -> Iterator[str]:
    rows = list(Person.objects.order_by("-pk").values_list("name", "display_name")[: MOST + 1])
    if len(rows) > MOST:
        log.warning("directory.truncated", kept=MOST)
    for name, shown in rows[:MOST]:
        for one in {name, shown}:
            if one.casefold() not in _WORDS:
                yield one


def _changed(**_: Any) -> None:
    global _generation
    with _lock:
        _generation += 1


post_save.connect(_changed, sender=Person, dispatch_uid="llm.directory.saved")
post_delete.connect(_changed, sender=Person, dispatch_uid="llm.directory.deleted")
