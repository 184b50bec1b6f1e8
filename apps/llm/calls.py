"""The rows of the calls: found, read, exported, kept for their time and no longer."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from apps.audit import log as audit
from apps.audit.log import Actor
from apps.core import crypto
from apps.core.errors import ClawdbotError
from apps.llm import ledger
from apps.llm.models import CallPolicy, ModelCall

#: What opening a prompt or an answer needs.
READ = "model.calls.read"
LONGEST_DAYS = 3650
CHUNK = 500


class BadDays(ClawdbotError):
    """Calls are kept for 1 to {longest} days, their text for no longer than the calls."""

    code = "bad_days"
    zh = "调用记录保留 1 到 {longest} 天，其文本不长于记录本身。"
    http_status = 400
    permanent = True


def search(
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    person: str = "",
    model: str = "",
    why: str = "",
    job: str = "",
    outcome: str = "",
) -> QuerySet[ModelCall]:
    """The calls that fit everything that is given, oldest first; `person` is a sign-in name."""
    given = {
        "created_at__gte": since,
        "created_at__lt": until,
        "person__name": person,
        "model": model,
        "why": why,
        "job": job,
        "outcome": outcome,
    }
    wanted = {name: value for name, value in given.items() if value}
    return ModelCall.objects.filter(**wanted).select_related("person").order_by("pk")


def row(call: ModelCall, *, text: bool = False) -> dict[str, Any]:
    """A call as it is exported; with its masked text only where that was asked for."""
    found = {
        "id": call.pk,
        "uid": str(call.uid),
        "at": call.created_at.isoformat(),
        "person": call.person.name if call.person else None,
        "why": call.why,
        "job": call.job,
        "model": call.model,
        "vendor_model": call.vendor_model,
        "zone": call.zone,
        "outcome": call.outcome,
        "streamed": call.streamed,
        "tokens_in": call.tokens_in,
        "tokens_out": call.tokens_out,
        "estimated": call.estimated,
        "cost": str(call.cost),
        "currency": call.currency,
        "masked": call.masked,
        "first_ms": call.first_ms,
        "total_ms": call.total_ms,
        "trace_id": call.trace_id,
    }
    if text:
        found |= {"prompt": opened(call, "prompt"), "answer": opened(call, "answer")}
    return found


def opened(call: ModelCall, field: str) -> str:
    """The masked `prompt` or `answer` as JSON, "" when there is none (any more)."""
    token: str = getattr(call, field)
    return crypto.decrypt(token, call.aad(field)) if token else ""


def note_reading(call: ModelCall, actor: Actor) -> None:
    """Audit that somebody opens what a person asked and was answered."""
    audit.record(
        "model.call_read", actor=actor, obj=("model_call", call.pk, call.model), outcome="done",
        data={"person": call.person_id, "why": call.why, "job": call.job},
    )  # fmt: skip


def export(
    rows: QuerySet[ModelCall], *, text: bool, actor: Actor, asked: dict[str, Any]
) -> Iterable[dict[str, Any]]:
    """The rows for a file; that they were taken, with text or without, is audited first."""
    data = {k: str(v) for k, v in asked.items() if v} | {"text": text}
    audit.record("model.calls_exported", actor=actor, outcome="done", data=data)
    return (row(call, text=text) for call in rows.iterator(chunk_size=CHUNK))


def policy() -> CallPolicy:
    """How long calls are kept now."""
    return CallPolicy.objects.order_by("pk").first() or CallPolicy()


def set_policy(*, days: int, text_days: int, actor: Actor) -> CallPolicy:
    """Keep calls for so many days, and their text for so many. Raises `BadDays`."""
    if not (1 <= days <= LONGEST_DAYS and 0 <= text_days <= days):
        raise BadDays(longest=LONGEST_DAYS)
    with transaction.atomic():
        found = CallPolicy.objects.select_for_update().order_by("pk").first() or CallPolicy()
        found.days, found.text_days = days, text_days
        found.save()
        audit.record(
            "model.calls_policy", actor=actor, outcome="done",
            data={"days": days, "text_days": text_days},
        )  # fmt: skip
    return found


def clean_up(now: datetime) -> int:
    """Close what died, forget texts and rows whose time is over; returns how many rows went."""
    ledger.lose(now)
    kept = policy()
    texts = ModelCall.objects.filter(created_at__lt=now - timedelta(days=kept.text_days))
    texts.exclude(prompt="", answer="").update(prompt="", answer="")
    old = ModelCall.objects.filter(created_at__lt=now - timedelta(days=kept.days))
    gone = 0
    while keys := list(old.values_list("pk", flat=True)[:CHUNK]):
        with transaction.atomic():
            ModelCall.objects.filter(pk__in=keys).delete()
        gone += len(keys)
    if gone:
        audit.record(
            "model.calls_removed", actor=Actor.system("cleanup"), outcome="done",
            data={"rows": gone, "days": kept.days},
        )  # fmt: skip
    return gone
