"""Before and after a call: gather what sending needs, then write down what came of it."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import F, QuerySet

from apps.audit import log as audit
from apps.core import metrics, push, work
from apps.core.bulk import Settle
from apps.core.clock import utcnow
from apps.core.errors import ClawdbotError
from apps.core.sql import Among, Prepared
from apps.im import clicks, outgoing_files
from apps.im.base import Outgoing, Platform, get_platform
from apps.im.bots import disable_broken, send_context
from apps.im.cards import BadCard, Card
from apps.im.models import Bot, Delivery
from apps.im.transport import Parcel, Result

log = structlog.get_logger(__name__)
FIRST_DELAY_S = 1.0
LONGEST_DELAY_S = 120.0
DISABLED_S = 60.0  # between two looks whether a bot that is off came back
BROKEN_ATTEMPTS = 3  # so often a platform may refuse the bot itself before it is disabled
#: A card is changed no more often than this; what was written meanwhile is shown together.
EDIT_GAP = timedelta(seconds=0.5)
bots_of = Prepared(lambda: Bot.objects.filter(Among("pk", "keys")))


def prepare(deliveries: Sequence[Delivery]) -> tuple[list[Parcel], list[Result]]:
    """Parcels for leased rows, with the bots' present settings; and those that cannot be sent now.

    A bot whose settings cannot be read (a key that is missing, a platform that is not installed)
    holds up its own deliveries and no others.
    """
    bots = {bot.pk: bot for bot in bots_of.instances(keys={d.bot_id for d in deliveries})}
    parcels: list[Parcel] = []
    unfit: list[Result] = []
    for delivery in deliveries:
        bot = bots.get(delivery.bot_id)
        if bot is None:  # removed a moment ago, and the row with it
            unfit.append(Result(delivery, "unknown", "later", error="its bot was removed"))
            continue
        if not bot.enabled:
            unfit.append(
                Result(delivery, bot.platform, "later", "", "its bot is disabled", DISABLED_S)
            )
            continue
        try:
            parcels.append(_parcel(delivery, bot))
        except ClawdbotError as error:
            log.error("delivery.unfit", delivery=delivery.pk, bot=bot.slug, code=error.code)
            unfit.append(Result(delivery, bot.platform, "later", error=str(error)))
        except Exception as error:
            # A boundary: the others' leases would run out with this one's, again and again.
            log.exception("delivery.unfit", delivery=delivery.pk, bot=bot.slug)
            unfit.append(Result(delivery, bot.platform, "later", error=type(error).__name__))
    return parcels, unfit


def _card(delivery: Delivery) -> Card:
    try:
        return Card.from_json(delivery.card)
    except BadCard as error:
        log.error("delivery.bad_card", delivery=delivery.pk, error=str(error)[:200])
        return Card()  # the text is shown instead


def _parcel(delivery: Delivery, bot: Bot) -> Parcel:
    platform = get_platform(bot.platform)
    update = _is_update(delivery, platform)
    parts = outgoing_files.parts_of(delivery, platform)
    card = outgoing_files.with_links(_card(delivery), delivery.text, parts.links)
    outgoing = Outgoing(
        key=str(delivery.key),
        role=delivery.role,
        chat_id=delivery.chat_id,
        chat_type=delivery.chat_type,
        private_to=delivery.private_to,
        reply_to=delivery.reply_to,
        in_reply_to=delivery.in_reply_to,
        card=clicks.signed(card, delivery.pk, delivery.bot_id),
        text=delivery.text,
        context=delivery.context,
        mention=str(delivery.context.get("mention", "")),
        mention_name=str(delivery.context.get("mention_name", "")),
        platform_message_id=delivery.platform_message_id,
        revision=delivery.revision,
        language=str(delivery.context.get("language") or settings.CLAWDBOT_LANGUAGE),
        files=parts.media,
        links=parts.links,
        repeat=not update and _may_be_a_repeat(delivery, platform.abilities.idempotency),
        again=delivery.last_outcome == "unknown",
        since=delivery.created_at.timestamp(),
    )
    return Parcel(delivery, platform, send_context(bot), outgoing, update)


def _is_update(delivery: Delivery, platform: Platform) -> bool:
    """Does it change the message that is shown? What is only sent once more is a new message."""
    if not delivery.platform_message_id or not platform.abilities.edits:
        return False
    return delivery.role == "progress" or delivery.revision > delivery.shown_revision


def _may_be_a_repeat(delivery: Delivery, remembered_s: float) -> bool:
    """Was it possibly shown already, by a platform that no longer knows its key?"""
    if delivery.last_outcome != "unknown":
        return False
    age = (utcnow() - delivery.created_at).total_seconds()
    return age > remembered_s


def mark_patiently(results: Sequence[Result]) -> set[int]:
    """Write the results; while the database is away, keep trying for as long as leases last.

    Returns the conversations in which something was settled.
    """
    for pause in (0.2, 0.5, 1, 2, 4, 8, None):
        try:
            connection.close_if_unusable_or_obsolete()
            return mark(results)
        except (OperationalError, InterfaceError) as error:
            log.error("delivery.mark_failed", rows=len(results), error=type(error).__name__)
            connection.close()
        except Exception:
            log.exception("delivery.mark_failed", rows=len(results))
            if len(results) > 1:  # one of them is at fault; what was shown must not be repeated
                return set().union(*(mark_patiently([result]) for result in results))
            break
        if pause is None:
            break  # the leases run out and the sweeper repeats them under the same keys
        time.sleep(pause)
    return set()


def mark(results: Sequence[Result]) -> set[int]:
    """One transaction: states, platform ids, audit. Then the metrics and the browser's push."""
    now = utcnow()
    with transaction.atomic():
        kept = _settle(results, now)
        done = [r for r in results if r.delivery.pk in kept]
        audit.record_many([_entry(r) for r in done if r.kind in {"sent", "failed"}])
    for result in done:
        _tell(result, now)
        if result.broken and result.delivery.attempts >= BROKEN_ATTEMPTS:
            disable_broken(result.delivery.bot_id, result.error)
    sent = [r.delivery.pk for r in done if r.kind == "sent"]
    if sent:
        log.info("deliveries.sent", deliveries=sent)
    return {r.delivery.conversation_id for r in done if r.delivery.conversation_id}


settle_sent = Settle(
    Delivery, ["state", "sent_at", "shown_revision", "platform_message_id", "last_error"]
)


def _settle(results: Sequence[Result], now: Any) -> set[int]:
    sent = [r for r in results if r.kind == "sent"]
    kept: set[int] = settle_sent.run([_sent(r, now) for r in sent])
    for result in results:
        if result.kind != "sent":
            kept |= work.settle([result.delivery], **_changes(result, now))
    _remember(kept, results)
    _reopen_edited(kept, results, now)
    return kept


def _remember(kept: set[int], results: Sequence[Result]) -> None:
    """Keep what platforms gave for later edits, beside what clicks brought meanwhile."""
    for result in results:
        if result.context and result.delivery.pk in kept:
            row = Delivery.objects.select_for_update().only("context").get(pk=result.delivery.pk)
            row.context = {**row.context, **result.context}
            row.save(update_fields=["context"])


def _sent(result: Result, now: Any) -> tuple[Any, ...]:
    row = result.delivery
    # A platform that gives no name keeps the one that the message has.
    name = storable(result.platform_message_id, 200) or row.platform_message_id
    return (row.pk, row.attempts, "sent", now, row.revision, name, "")


def _changes(result: Result, now: Any) -> dict[str, Any]:
    delivery = result.delivery
    last = delivery.attempts >= delivery.max_attempts
    if result.kind == "failed" or last:
        return {"state": "failed", "last_error": storable(result.error, 2000)}
    state = "unknown" if result.kind == "unknown" else "pending"
    wait = max(result.delay_s, backoff(delivery.attempts))
    return {
        "state": state,
        "last_outcome": _outcome(result),
        "not_before": now + timedelta(seconds=wait),
        "last_error": storable(result.error, 2000),
    }


def _outcome(result: Result) -> str:
    """What the next attempt has to know of the earlier ones."""
    if "unknown" in {result.kind, result.delivery.last_outcome}:
        return "unknown"  # it may have been shown, whatever came after
    return Delivery.SLOW if result.kind == "later" and result.delay_s > 0 else ""


def storable(text: str, longest: int) -> str:
    """A platform's own words as every database takes them: no NUL, no lone surrogate."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()[:longest]


def backoff(attempts: int) -> float:
    """Seconds before the next attempt: doubling from one second, with jitter, capped."""
    wait: float = min(FIRST_DELAY_S * 2.0 ** max(0, attempts - 1), LONGEST_DELAY_S)
    return wait * random.uniform(0.8, 1.2)  # noqa: S311 - jitter, no secret


def _reopen_edited(kept: set[int], results: Sequence[Result], now: datetime) -> None:
    """A card that was edited while it was under way goes out again, a moment later.

    Plain messages are never edited, so nothing is asked for them.
    """
    cards = [r for r in results if r.delivery.pk in kept and _may_be_edited(r)]
    sent = [r.delivery.pk for r in cards if r.kind == "sent"]
    if sent:
        _again(Delivery.objects.filter(pk__in=sent, revision__gt=F("shown_revision")), now)
    for card in (r.delivery for r in cards if r.kind != "sent"):
        # What could not be shown was an older content.
        _again(Delivery.objects.filter(pk=card.pk, revision__gt=card.revision), now)


def _may_be_edited(result: Result) -> bool:
    row = result.delivery
    asks = row.card.get("buttons") or row.card.get("form")
    if row.role != "progress" and not row.revision and not asks:
        return False
    return result.kind in {"sent", "failed"} and get_platform(result.platform).abilities.edits


def _again(rows: QuerySet[Delivery], now: datetime) -> None:
    rows.filter(state__in=("sent", "failed")).update(
        state="pending", attempts=0, not_before=now + EDIT_GAP
    )


def _entry(result: Result) -> audit.Entry:
    return ended(result.delivery, result.kind, result.error)


def ended(delivery: Delivery, outcome: str, error: str = "") -> audit.Entry:
    """The audit entry of a delivery's end."""
    return audit.Entry(
        action=f"delivery.{outcome}",
        actor=audit.Actor.system("delivery"),
        obj=("delivery", str(delivery.pk), delivery.role),
        outcome=outcome,
        trace_id=delivery.trace_id,
        data={"attempts": delivery.attempts, "error": error[:200]},
    )


def _tell(result: Result, now: Any) -> None:
    delivery, platform = result.delivery, result.platform
    if result.kind != "sent":  # those are told together
        told = {"delivery": delivery.pk, "attempt": delivery.attempts}
        log.info("delivery." + result.kind, trace_id=delivery.trace_id, **told)
    metrics.count("clawdbot_deliveries_total", platform=platform, outcome=result.kind)
    if result.kind == "sent" and delivery.role == "answer":
        waited = (now - delivery.created_at).total_seconds()
        metrics.observe("clawdbot_reply_seconds", waited, platform=platform)
    if platform == "web" and result.kind == "sent" and delivery.conversation_id:
        push.push(delivery.conversation_id, {"type": "delivery", "id": delivery.pk})
