"""Where a run takes place: in a throw-away installation, or in this one with one of its models."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from apps.core.private import MARKER

ALIAS = "measured"


@dataclass(frozen=True, slots=True)
class Model:
    """What to ask: the alias of a model of this installation, or an address and what it needs."""

    alias: str = ""
    base_url: str = ""
    model: str = ""
    api_key: str = ""
    provider: str = ""
    zone: str = ""

    @property
    def wanted(self) -> bool:
        """Is there any?"""
        return bool(self.alias or self.base_url)


@contextmanager
def house(model: Model) -> Iterator[str]:
    """Django, ready; gives the alias of the model to ask, "" when none is wanted.

    A model of this installation is asked with its stored key, limits and budgets, and its calls
    are kept like any others. For an address a database of its own is made, and removed again.
    """
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "clawdbot.settings.base")
    if model.alias:
        _setup()
        yield model.alias
        return
    with tempfile.TemporaryDirectory(prefix="clawdbot-understanding-") as home:
        _own_home(Path(home))
        _setup()
        yield _add(model) if model.wanted else ""


def _own_home(home: Path) -> None:
    (home / MARKER).write_text("{}")
    for name in [name for name in os.environ if name.startswith("CLAWDBOT_")]:
        del os.environ[name]
    # Empty counts as not set: nothing of this is for the installation's own servers.
    os.environ |= {"CLAWDBOT_HOME": str(home), "DATABASE_URL": "", "REDIS_URL": ""}


def _setup() -> None:
    import django

    django.setup()


def _add(model: Model) -> str:
    from django.core.management import call_command

    call_command("migrate", interactive=False, verbosity=0)
    add(model)
    return ALIAS


def add(model: Model) -> None:
    """Keep an address as the model to ask. Raises what `model add` raises."""
    from apps.audit.log import Actor
    from apps.llm import actions

    given: dict[str, Any] = {"base_url": model.base_url, "model": model.model}
    given |= {"api_key": model.api_key, "timeout_s": 600}
    given |= {"provider": model.provider} if model.provider else {}
    given |= {"zone": model.zone} if model.zone else {}
    actions.add(ALIAS, actor=Actor.system("benchmark"), **given)
