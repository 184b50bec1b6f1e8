"""A past: messages that are done, jobs that ended, deliveries that were sent, sealed audit rows."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from apps.assistant.models import Conversation, Job, Message
from apps.audit import log
from apps.audit.models import AuditRow, Seal
from apps.im.models import Delivery
from benchmarks import fill


def history(count: int) -> None:
    """`count` of each, copied from what this installation did itself a moment ago."""
    from apps.accounts.models import Person

    found = Person.objects.filter(name__startswith="bench").values_list("pk", flat=True)
    person = fill.turn(list(found))
    chats = Conversation.objects.filter(bot__slug="bench").values_list("pk", flat=True)
    shared = {"person_id": person, "conversation_id": fill.turn(list(chats))}
    trace = fill.text("old-")
    with transaction.atomic():
        message = Message.objects.filter(state="done", bot__slug="bench").latest("pk")
        ids = {"event_id": trace, "second_key": trace, "platform_message_id": trace}
        fill.copies("assistant_message", message.pk, 0, count, trace_id=trace, **ids, **shared)
        job = Job.objects.filter(state="succeeded").latest("pk")
        number = fill.text("h")
        fill.copies(
            "assistant_job", job.pk, 0, count, number=number, trace_id=trace,
            message_id="NULL", **shared,
        )  # fmt: skip
        delivery = Delivery.objects.filter(state="sent", bot__slug="bench").latest("pk")
        fill.copies(
            "im_delivery", delivery.pk, 0, count, key=fill.UUID, trace_id=trace,
            message_id="NULL", job_id="NULL", conversation_id=shared["conversation_id"],
        )  # fmt: skip
        _audit(count)
    fill.settle()


def _audit(count: int) -> None:
    """Rows under one seal of their own, so that the sealer has nothing to do with them."""
    row = AuditRow.objects.latest("pk")
    last = Seal.objects.latest("number")
    seal = Seal(
        number=last.number + 1, first_id=row.pk + 1, last_id=row.pk + count, rows=count,
        previous=last.digest, digest="0" * 64, mac=last.mac, at=timezone.now(),
    )  # fmt: skip
    seal.save(force_insert=True)
    fill.copies(
        "audit_auditrow", row.pk, 0, count, producer="'benchmark'", seq="n.i",
        object_id=fill.text("old-"), trace_id=fill.text("old-"), seal_id=str(seal.number),
    )  # fmt: skip
    # A start looks at the newest row's tag, and copies have that of another row.
    log.record("benchmark.filled", actor=log.Actor.system("benchmark"), data={"rows": count})
