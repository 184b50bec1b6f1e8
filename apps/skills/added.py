"""Skills that are rows: what every process knows of them, kept up to date by one small look.

An action that changes what can be asked for calls `changed` in its transaction; whoever is about to
read the registry for somebody calls `refresh` first.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterable
from importlib import import_module

from apps.core.sql import Prepared
from apps.skills import registry
from apps.skills.base import Skill
from apps.skills.models import Edition

#: Family: where its `skills() -> Iterable[Skill]` is.
SOURCES = {"mcp": "apps.skills.mcp.shelf", "prompt": "apps.skills.prompts.shelf"}
FAMILIES = tuple(SOURCES)
#: Under this task end the jobs of skills that are not there any more.
GONE = "gone"
ROWS = "rows"

_token = Prepared(lambda: Edition.objects.filter(name=ROWS).values_list("token"))
_lock = threading.Lock()
_known = ""


def changed() -> None:
    """Have every process read the rows again; for the caller's transaction."""
    Edition.objects.update_or_create(name=ROWS, defaults={"token": uuid.uuid4().hex})


def refresh_for(names: Iterable[str]) -> None:
    """The same before these skills run: one that came as a file is not changed by any row."""
    found = map(registry.get, names)
    if any(one is None or one.family for one in found):
        refresh()


def refresh() -> None:
    """Take up what was changed since the last look; one query by its key when nothing was."""
    global _known
    found = _token.rows()
    token = found[0][0] if found else ""
    if token == _known:
        return
    with _lock:
        for family, module in SOURCES.items():
            skills: Callable[[], Iterable[Skill]] = import_module(module).skills
            registry.replace(family, skills())
        _known = token
