"""What a job shows of itself: a sign of life, then one card that is edited in place.

The card is one row. It shows what was decided about the job, the steps so far and the time, and it
is closed when the job ends; whatever comes later changes nothing. Buttons and forms of other cards
of the job (its question, the copies for its approvers) go with what they were for.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from django.conf import settings
from django.db import transaction

from apps.assistant import questions, reply, wake, words
from apps.assistant.models import Approval, Job
from apps.core.clock import utcnow
from apps.core.sql import Prepared, Slot
from apps.im import cards, courtesy, delivery
from apps.im.base import Place, get_platform
from apps.im.cards import BadCard, Card
from apps.im.models import Delivery
from apps.skills.base import Skill

#: Seconds after the start: a sign, then a card; where cards cannot be edited, one notice.
SIGN_S = 0.5
CARD_S = 1.5
NOTICE_S = 10.0
#: Between two edits, and at the latest (the time goes on).
GAP_S = 0.5
HEARTBEAT_S = 12.0
LANE = "interactive"

cards_of = Prepared(lambda: Delivery.objects.filter(job_id=Slot("job")).order_by("pk"))
decision_of = Prepared(lambda: Approval.objects.filter(job_id=Slot("job")))


class Board:
    """The progress of one run. The skill's thread notes, the watch beside it calls `tick`."""

    def __init__(self, job: Job, clock: Callable[[], float] = time.monotonic) -> None:
        self._job = job
        self._clock = clock
        self._began = clock()
        self._lock = threading.Lock()
        self._steps: list[str] = []
        self._lines: tuple[str, ...] = ()
        self._changed = False
        self._signed = False
        self._drawn_at: float | None = None
        self._decided: str | None = None
        #: Has a card (or a notice) gone out?
        self.shown = False

    def note(self, text: str) -> None:
        """The work is at this step now. Costs nothing: what comes close together is one edit."""
        with self._lock:
            if not self._steps or self._steps[-1] != text:
                self._steps.append(text)
                self._changed = True

    def show(self, lines: Sequence[str]) -> None:
        """Show these lines as they are: what there is to do, and how far each part of it is."""
        with self._lock:
            if self._lines != tuple(lines):
                self._lines = tuple(lines)
                self._changed = True

    def tick(self) -> None:
        """Do what is due. Raises what the database raises; the next tick tries again."""
        now = self._clock()
        elapsed = now - self._began
        if elapsed >= SIGN_S and not self._signed:
            self._signed = True
            _sign(self._job)
        if not get_platform(self._job.conversation.bot.platform).abilities.edits:
            if elapsed >= NOTICE_S and not self.shown:
                self.shown = True
                _tell_once(self._job)
        elif elapsed >= CARD_S and self._due(now):
            self._draw(now, elapsed)

    def _due(self, now: float) -> bool:
        if self._drawn_at is None:
            return True
        since = now - self._drawn_at
        return since >= HEARTBEAT_S or (self._changed and since >= GAP_S)

    def _draw(self, now: float, elapsed: float) -> None:
        with self._lock:
            steps, lines, self._changed = tuple(self._steps), self._lines, False
        self._drawn_at = now
        job = self._job
        language = words.language_of(job.person)
        try:
            if self._decided is None:
                self._decided = _decided(job, language)
            shown = words.Run(job.skill, job.number, steps, elapsed, self._decided, lines)
            show(job, words.working(shown, language))
        except Exception:
            self._changed = True
            raise
        self.shown = True
        wake.wake(LANE)


def _sign(job: Job) -> None:
    message = job.message
    if message is None or message.origin != "im":
        return
    chat = job.conversation
    extra = message.payload.get("extra") or {}
    place = Place(
        chat.chat_id, chat.chat_type, message.platform_message_id, message.sender_id, extra
    )
    courtesy.sign(chat.bot, place)


def _tell_once(job: Job) -> None:
    """Where nothing can be edited: one notice that it runs, under its number."""
    card = words.still_working(job.skill, job.number, words.language_of(job.person))
    with transaction.atomic():
        if not _runs(job):
            return
        told = Delivery.objects.filter(job=job, role="notice", conversation_id=job.conversation_id)
        if not told.exists():
            made = reply.to_conversation(job.conversation, "notice", card, now=utcnow(), job=job)
            delivery.create([made], take=False)
    wake.wake(LANE)


def _runs(job: Job) -> bool:
    """Is this run still the job's? Nobody ends it before the caller's transaction does."""
    mine = Job.objects.select_for_update().filter(pk=job.pk, state="running", attempts=job.attempts)
    return bool(mine.values_list("pk", flat=True))


def show(job: Job, card: Card) -> None:
    """Put this card up as the job's progress, or edit the one that is up.

    Nothing when the run is over (cancelled, or taken over): its card is closed and stays so.
    """
    with transaction.atomic():
        if not _runs(job):
            return
        shown = Delivery.objects.filter(job=job, role="progress").first()
        if shown is not None:
            _put(shown, card)
            return
        delivery.create(reply.for_job(job, "progress", card, now=utcnow()), take=False)


def close(job: Job, state: str, by: str = "") -> bool:
    """Show on the job's cards that it is over (by whom) and take away what could be clicked.

    Returns whether a progress card was up. One query when the job has no cards.
    """
    found = cards_of.instances(job=job.pk)
    if not found:
        return False
    language = words.language_of(job.person)
    at = utcnow()
    decided = words.done_by(state, by, at, language) if by else _decided(job, language)
    seconds = (at - job.started_at).total_seconds() if job.started_at else None
    card = words.ended(job.skill, job.number, state, language, note=decided, seconds=seconds)
    for row in found:
        if row.role == "progress":
            _put(row, card)
        elif _asks(row):
            told = _language_of(row) or language
            note = words.done_by(state, by, at, told) if by else words.note_of(state, told)
            _put(row, _without_buttons(row, state, note))
    return any(row.role == "progress" for row in found)


def decided(job: Job, approval: Approval) -> None:
    """Show who decided and when on every card that asked for it, and take the buttons away."""
    for row in cards_of.instances(job=job.pk):
        if row.role == "progress" or _asks(row):
            language = _language_of(row) or words.language_of(job.person)
            note = words.decision(approval, language)
            _put(row, _without_buttons(row, approval.state, note))


def ask(job: Job, card: Card) -> None:
    """Put another question in the place of the one that was answered."""
    for row in cards_of.instances(job=job.pk):
        if row.role == "progress":
            _put(row, card)


def question_over(job: Job, skill: Skill, values: Mapping[str, Any]) -> None:
    """Show on the cards that asked for parameters what was answered; their forms are gone."""
    for row in cards_of.instances(job=job.pk):
        shown = _card(row)
        if row.role == "answer" and shown.form is not None:
            _put(row, questions.filled(shown, skill, values, words.language_of(job.person)))


def _decided(job: Job, language: str) -> str:
    """Who approved or confirmed this job and when, "" when nobody had to."""
    found = decision_of.instances(job=job.pk)
    return words.decision(found[0], language) if found else ""


def _asks(row: Delivery) -> bool:
    """Is it a question of the job: the form of its parameters, or an approver's copy? What the
    job itself answers comes when its cards are closed already."""
    return bool(row.card.get("form")) or (row.role == "notice" and bool(row.card.get("buttons")))


def _language_of(row: Delivery) -> str:
    return str(row.context.get("language", ""))


def _card(row: Delivery) -> Card:
    try:
        return Card.from_json(row.card)
    except BadCard:
        return Card()


def _without_buttons(row: Delivery, state: str, note: str) -> Card:
    shown = _card(row)
    blocks = (*shown.blocks, cards.Text(note)) if note else shown.blocks
    return replace(shown, color=cards.color_of(state), blocks=blocks, buttons=(), form=None)


def _put(row: Delivery, card: Card) -> None:
    language = _language_of(row) or settings.CLAWDBOT_LANGUAGE
    delivery.edit(row, card.to_json(), cards.to_text(card, language))
