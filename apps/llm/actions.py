"""What can be done to a model's row: each checks, changes and audits in one transaction."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from django.conf import settings
from django.db import transaction

from apps.audit import log as audit
from apps.audit.log import Actor
from apps.core import crypto
from apps.core.private import wanted
from apps.llm.models import LanguageModel


def tell_worker() -> bool:
    """Let `up` know whether somebody has to wait for models; called whenever that may change.

    Returns whether there is a model.
    """
    file = wanted(settings.CLAWDBOT_HOME, "worker-model")
    there = LanguageModel.objects.filter(enabled=True, kind="chat").exists()
    with suppress(OSError):  # no `up` runs here, or ever did: there is nobody to be told
        if there:
            file.touch()
        else:
            file.unlink(missing_ok=True)
    return there


def add(
    name: str, *, base_url: str, model: str, actor: Actor, api_key: str = "", **more: Any
) -> LanguageModel:
    """Keep a model; the first one of its kind becomes the default."""
    with transaction.atomic():
        row = LanguageModel(name=name, base_url=base_url, model=model, **more)
        row.default = not LanguageModel.objects.filter(kind=row.kind, default=True).exists()
        row.api_key = crypto.encrypt(api_key, row.aad) if api_key else ""
        row.save()
        transaction.on_commit(tell_worker, robust=True)
        audit.record(
            "model.added", actor=actor, obj=("model", row.pk, row.name), outcome="done",
            data={"base_url": base_url, "model": model, "zone": row.zone, "key": bool(api_key)},
        )  # fmt: skip
    return row
