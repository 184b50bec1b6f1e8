"""Every call is a row: opened before a question leaves, closed whatever came of it.

The row holds what the vendor saw and said: masked, then encrypted. Closing writes the row, and the
line of the audit, in one transaction. A row that is still `open` after its time belonged to a
process that died in the call.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction

from apps.audit import log as audit
from apps.audit.log import Actor
from apps.core import crypto, metrics
from apps.core.logging import current_trace_id
from apps.core.sql import here, light_commit
from apps.llm.models import LanguageModel, ModelCall
from apps.llm.shapes import Answer, Ask, Purpose, Usage

OPEN = "open"
LOST = "lost"
LOST_AFTER = timedelta(minutes=30)
#: What is known at the end only.
_ENDS = (
    "outcome", "tokens_in", "tokens_out", "estimated", "cost", "first_ms", "total_ms", "answer",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class End:
    """What came of a call. `answer` is as the vendor gave it, its placeholders still in it."""

    outcome: str
    usage: Usage = field(default_factory=Usage)
    cost: Decimal = Decimal(0)
    answer: Answer | None = None
    first_ms: int | None = None
    total_ms: int = 0


def begin(
    row: LanguageModel, ask: Ask, purpose: Purpose, masked: Mapping[str, int], *, streamed: bool
) -> ModelCall:
    """Write down that this (masked) question is about to leave.

    Nobody waits for the disk: its end is flushed, and with it everything before.
    """
    call = _new(row, purpose, streamed=streamed)
    call.masked = dict(masked)
    call.prompt = crypto.encrypt(prompt_text(ask), call.aad("prompt"))
    with light_commit(here()):
        call.save(force_insert=True)
    return call


def end(call: ModelCall, end: End) -> None:
    """Write down what came of a call that was begun."""
    _fill(call, end)
    with transaction.atomic():
        if call._state.adding:
            call.save(force_insert=True)
        else:
            call.save(update_fields=_ENDS)
        _audit(call)
    _count(call)


def refuse(
    row: LanguageModel, purpose: Purpose, outcome: str, *, streamed: bool, total_ms: int = 0
) -> ModelCall:
    """Write down a call that was refused before anything left."""
    call = _new(row, purpose, streamed=streamed)
    end(call, End(outcome, total_ms=total_ms))
    return call


def lose(now: datetime) -> int:
    """Close the rows of calls whose process died in them; returns how many."""
    old = ModelCall.objects.filter(outcome=OPEN, created_at__lt=now - LOST_AFTER)
    with transaction.atomic():
        found = list(old.select_for_update()[:500])
        for call in found:
            call.outcome = LOST
            call.save(update_fields=["outcome"])
            _audit(call)
    return len(found)


def estimate(text: str) -> int:
    """About how many tokens a text is: a Chinese character is one, four of others are one."""
    wide = sum(char > "\u2e80" for char in text)
    return wide + (len(text) - wide + 3) // 4


def estimate_ask(ask: Ask) -> int:
    """About how many tokens a question is."""
    return estimate(prompt_text(ask)) if ask.turns else 0


def prompt_text(ask: Ask) -> str:
    """A question as it is kept: one JSON document. Pictures are counted, not kept."""
    turns = [
        {"role": turn.role, "text": turn.text}
        | ({"calls": _calls(turn.calls)} if turn.calls else {})
        | ({"call_id": turn.call_id} if turn.call_id else {})
        | ({"pictures": len(turn.pictures)} if turn.pictures else {})
        for turn in ask.turns
    ]
    kept: dict[str, Any] = {"turns": turns}
    if ask.tools:
        kept["tools"] = [tool.name for tool in ask.tools]
    return json.dumps(kept, ensure_ascii=False)


def _answer_text(answer: Answer) -> str:
    kept: dict[str, Any] = {"text": answer.text}
    if answer.calls:
        kept["calls"] = _calls(answer.calls)
    return json.dumps(kept, ensure_ascii=False, default=str)


def _calls(calls: Any) -> list[dict[str, Any]]:
    return [{"name": one.name, "arguments": dict(one.arguments)} for one in calls]


def _new(row: LanguageModel, purpose: Purpose, *, streamed: bool) -> ModelCall:
    return ModelCall(
        person_id=purpose.person_id,
        why=purpose.why[:30],
        job=purpose.job,
        audience=purpose.audience,
        model=row.name,
        vendor_model=row.model,
        zone=row.zone,
        currency=row.currency,
        streamed=streamed,
        outcome=OPEN,
        trace_id=purpose.trace_id or current_trace_id(),
    )


def _fill(call: ModelCall, end: End) -> None:
    call.outcome = end.outcome[:30]
    call.tokens_in, call.tokens_out = end.usage.tokens_in, end.usage.tokens_out
    call.estimated = not end.usage.known
    call.cost = end.cost
    call.first_ms, call.total_ms = end.first_ms, end.total_ms
    if end.answer is not None:
        call.answer = crypto.encrypt(_answer_text(end.answer), call.aad("answer"))


def _audit(call: ModelCall) -> None:
    who = call.person
    audit.record(
        "model.called",
        actor=Actor.person(who) if who is not None else Actor.system("llm"),
        obj=("model_call", call.pk, call.model),
        outcome=call.outcome,
        trace_id=call.trace_id,
        data={
            "why": call.why, "job": call.job, "masked": call.masked, "zone": call.zone,
            "tokens_in": call.tokens_in, "tokens_out": call.tokens_out,
            "cost": f"{call.cost} {call.currency}",
        },
    )  # fmt: skip


def _count(call: ModelCall) -> None:
    metrics.count("clawdbot_model_calls_total", model=call.model, outcome=call.outcome)
    seconds = call.total_ms / 1000
    metrics.observe("clawdbot_model_call_duration_seconds", seconds, model=call.model)
    for direction, tokens in (("in", call.tokens_in), ("out", call.tokens_out)):
        if tokens:
            metrics.count(
                "clawdbot_model_tokens_total", tokens, model=call.model, direction=direction
            )
