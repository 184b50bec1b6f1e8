"""The way of a message, in order: who, how often, what, may they, do it, write it down.

A batch goes through together: each step is a few queries for all of its messages. Everything that
the batch decides is written in one transaction; a message that another process has meanwhile taken
over is left out of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import structlog
from django.db import InterfaceError, OperationalError, transaction

from apps.assistant import assist, clicks, hearing, steps, surroundings, words
from apps.assistant.case import Case
from apps.assistant.models import Message
from apps.assistant.perform import perform
from apps.audit import log as audit
from apps.core import metrics, work
from apps.core.bulk import Update
from apps.core.clock import utcnow
from apps.core.logging import bind_trace
from apps.core.sql import Among, Prepared
from apps.im import delivery
from apps.im.models import Delivery
from apps.skills import added

log = structlog.get_logger(__name__)


def handle(messages: Sequence[Message], now: datetime | None = None) -> bool:
    """Handle claimed messages; returns whether a job was made. Never loses one.

    A fault in one message must not hold up the others: they are then handled one by one, and the
    one at fault is tried again later, or given up with an answer that says so.
    """
    now = now or utcnow()
    try:
        return _handle([Case(message, now) for message in messages])
    except (OperationalError, InterfaceError) as error:
        if len(messages) == 1:
            # The database is away or locked: no fault of this message, and nothing can be written.
            log.error("pipeline.database", message=messages[0].pk, error=str(error)[:300])
            raise
        log.warning("pipeline.one_by_one", messages=len(messages), error=type(error).__name__)
    except Exception as error:  # noqa: BLE001 - logged with its trace once it stands alone
        if len(messages) == 1:
            _set_back(messages[0], error)
            return False
        log.warning("pipeline.one_by_one", messages=len(messages), error=type(error).__name__)
    made = [handle([message], now) for message in messages]
    return any(made)


def _handle(cases: list[Case]) -> bool:
    added.refresh()
    steps.identify(cases)
    cases = surroundings.ask(cases)
    steps.admit(cases)
    clicks.acknowledge(cases)
    steps.throttle(cases)
    cases = hearing.put_aside(cases)
    steps.recall(cases)
    clicks.resolve(cases)
    steps.understand(cases)
    assist.take_up(cases)
    steps.authorise(cases)
    with transaction.atomic():
        cases = _still_ours(cases)
        clicks.keep(cases)
        for case in cases:
            with bind_trace(case.message.trace_id):
                perform(case)
        taken = _save(cases)
    delivery.send(taken)
    for case in cases:
        _tell(case)
    return any(case.jobs for case in cases)


def _tell(case: Case) -> None:
    message = case.message
    metrics.count("clawdbot_messages_total", platform=message.bot.platform, outcome=case.state)
    told = {"message": message.pk, "state": case.state, "reason": case.reason}
    log.info("message.handled", trace_id=message.trace_id, **told)


ours = Prepared(
    lambda: Message.objects.filter(
        Among("pk", "keys"), work.StateIn("waiting"), lease_until__isnull=False
    ).values_list("pk", "attempts"),
    lock=True,
)
update = Update(Message, ["state", "reason", "person_id", "handled_at", "lease_until"])


def _still_ours(cases: list[Case]) -> list[Case]:
    """Lock the rows and keep the cases whose lease nobody else has taken over."""
    attempts: dict[int, int] = dict(ours.rows(keys=[case.message.pk for case in cases]))
    return [case for case in cases if attempts.get(case.message.pk) == case.message.attempts]


def _save(cases: list[Case]) -> list[Delivery]:
    """Write states, deliveries and audit; returns the deliveries that this process sends."""
    update.run(
        [(c.message.pk, c.state, c.reason, c.person and c.person.pk, c.now, None) for c in cases]
    )
    for case in cases:
        case.audit(f"message.{case.state}", case.state, reason=case.reason)
    audit.record_many([entry for case in cases for entry in case.entries])
    return delivery.create([row for case in cases for row in case.deliveries], take=True)


def _set_back(message: Message, error: Exception) -> None:
    """Try a message that broke its handling again later; give it up after its last attempt."""
    log.exception("pipeline.failed", message=message.pk, attempt=message.attempts)
    when = utcnow() + steps.pause(message.attempts)
    reason = f"{type(error).__name__}: {error}"
    with transaction.atomic():
        if work.retry_at(message, when, reason) and message.attempts >= message.max_attempts:
            give_up([message])


def give_up(messages: Sequence[Message]) -> None:
    """Tell the senders of messages that are now `dead`, in the caller's transaction.

    A message that was not for us stays without an answer, and a leaver's gets the one it would have
    got alive.
    """
    now = utcnow()
    cases = [Case(message, now) for message in messages]
    steps.identify(cases)
    steps.admit(cases)
    for case in cases:
        if case.open:
            card = words.message_dead(case.message.pk, case.language)
            case.answer(card, state="dead", reason="gave up")
        case.audit("message.dead", "dead")
    audit.record_many([entry for case in cases for entry in case.entries])
    rows = [row for case in cases for row in case.deliveries]
    delivery.create([r for r in rows if not delivery.answered(r.message_id or 0)], take=False)
