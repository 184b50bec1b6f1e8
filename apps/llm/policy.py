"""What the installation decided about its models as a whole, remembered while nobody can say."""

from __future__ import annotations

import time
from typing import Literal

from django.db import DatabaseError, InterfaceError, transaction

from apps.audit import log as audit
from apps.audit.log import Actor
from apps.core.errors import ClawdbotError
from apps.llm.limit_models import ModelPolicy

WhenDown = Literal["refuse", "allow"]


class BadPolicy(ClawdbotError):
    """limits_when_down is refuse or allow."""

    code = "bad_model_policy"
    zh = "limits_when_down 应为 refuse 或 allow。"
    http_status = 400
    permanent = True


_REMEMBERED_S = 10.0
_known: WhenDown = "refuse"
_read_at: float | None = None


def limits_when_down() -> WhenDown:
    """May calls go while no store of the limits answers? Never raises: while the database is away
    too, it is as it was read last; `refuse` when it never was."""
    global _known, _read_at
    now = time.monotonic()
    if _read_at is None or now - _read_at > _REMEMBERED_S:
        try:
            row = ModelPolicy.objects.order_by("pk").first()
        except (DatabaseError, InterfaceError):
            return _known
        _known = "allow" if row is not None and row.limits_when_down == "allow" else "refuse"
        _read_at = now
    return _known


def set_limits_when_down(value: str, actor: Actor) -> ModelPolicy:
    """Choose `refuse` or `allow`. Raises `BadPolicy`."""
    if value not in dict(ModelPolicy.WHEN_DOWN):
        raise BadPolicy
    with transaction.atomic():
        row = ModelPolicy.objects.select_for_update().order_by("pk").first() or ModelPolicy()
        row.limits_when_down = value
        row.save()
        audit.record(
            "model.policy_set", actor=actor, obj=("model_policy", row.pk, "policy"),
            outcome="done", data={"limits_when_down": value},
        )  # fmt: skip
    forget()
    return row


def forget() -> None:
    """Read it anew."""
    global _read_at
    _read_at = None
