"""The progress card of a job: one row, edited in place, closed when the job ends."""

from __future__ import annotations

from django.db import transaction

from apps.assistant import reply, words
from apps.assistant.models import Job
from apps.core.clock import utcnow
from apps.core.sql import Prepared, Slot
from apps.im import cards, delivery
from apps.im.cards import Card
from apps.im.models import Delivery

shown_of = Prepared(
    lambda: Delivery.objects.filter(job_id=Slot("job"), role="progress").order_by("pk")
)


def show(job: Job, card: Card) -> None:
    """Put this card up as the job's progress, or edit the one that is up.

    Nothing when the run is over (cancelled, or taken over): its card is closed and stays so.
    """
    with transaction.atomic():
        mine = Job.objects.select_for_update().filter(
            pk=job.pk, state="running", attempts=job.attempts
        )
        if not mine.values_list("pk", flat=True):
            return
        shown = Delivery.objects.filter(job=job, role="progress").first()
        if shown is not None:
            delivery.edit(shown, card.to_json(), cards.to_text(card))
            return
        delivery.create([reply.for_job(job, "progress", card, now=utcnow())], take=False)


def close(job: Job, state: str) -> None:
    """Show on the card that the job is over and take its buttons away; nothing if there is none."""
    found = shown_of.instances(job=job.pk)
    if not found:
        return
    shown = found[0]
    card = words.ended(job.skill, job.number, state, words.language_of(job.person))
    delivery.edit(shown, card.to_json(), cards.to_text(card))


def begin(job: Job, card: Card) -> None:
    """Show a first sign of life; a card that is up already says more, so it stays."""
    if not Delivery.objects.filter(job=job, role="progress").exists():
        show(job, card)
