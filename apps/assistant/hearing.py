"""A voice message is heard before it is understood, by a worker that has time for it.

The row is the truth: it stays `waiting`, holds its place in its conversation, and is due again when
nobody heard it in time. The call of the task may be lost or repeated.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import DatabaseError, InterfaceError, connection, transaction
from django.db.models import F

from apps.assistant import heard as shown
from apps.assistant import received, wake
from apps.assistant.case import Case
from apps.assistant.models import Message
from apps.audit import log as audit
from apps.audit.log import Actor
from apps.core.clock import utcnow
from apps.core.errors import ClawdbotError
from apps.core.i18n import Text, both
from apps.core.logging import bind_trace
from apps.im import cards, file_kinds
from apps.im.base import DeliveryError, Permanent, get_platform
from apps.speech import hearing as speech
from apps.speech.child import LONGEST_S
from apps.speech.decode import MAX_SOUND
from apps.speech.errors import CannotHear, NoTranscriber, TooLong, TryLater
from clawdbot.celery import app, producers

log = structlog.get_logger(__name__)
TASK = "assistant.hear"
QUEUE = "normal"
#: When nobody began by then, or who began went silent, the call is repeated.
AGAIN = timedelta(seconds=30)
HOLD_S = 8.0
TRIES = 3
PATIENCE = timedelta(minutes=15)
LIMIT_S = 240

_NOT_THERE = both("取不到录音：{why}", "the recording cannot be fetched: {why}")
_BUSY = both(
    "语音识别太忙，没有轮到这条。请打字告诉我。",
    "There was too much to listen to; this one did not get its turn. Please type it.",
)


def wanted(message: Message) -> bool:
    """Is it a voice that nobody has listened to yet?"""
    return shown.spoken(message) and not message.text.strip() and "heard" not in message.payload


def counted(message: Message) -> bool:
    """Did it count towards the rates before it was listened to?"""
    return "hearing" in message.payload


def put_aside(cases: Sequence[Case]) -> list[Case]:
    """Call for a listener where one is needed; returns the cases to go on with now."""
    for case in cases:
        if case.open and case.person is not None and shown.spoken(case.message):
            _conclude(case)
    aside = [c for c in cases if c.open and c.person is not None and wanted(c.message)]
    called = [case for case in aside if _wait(case)]
    for case in called:
        _call(case.message)
    return [case for case in cases if case not in aside]


def _conclude(case: Case) -> None:
    """Answer what cannot be heard, or never could."""
    message = case.message
    why = (message.payload.get("heard") or {}).get("why")
    if why is None and wanted(message):
        why = _impossible(message) or _given_up(case)
    if why is not None:
        text = why["en"] if case.language == "en" else why["zh"]
        case.answer(cards.error(text, language=case.language), reason="unheard")


def _impossible(message: Message) -> dict[str, str] | None:
    """There is nothing to fetch, nobody to fetch it, or nobody to listen."""
    fetches = get_platform(message.bot.platform).abilities.fetches
    if received.voice_of(message) is None or not fetches or not speech.available():
        return _both(NoTranscriber.texts())
    return None


def _given_up(case: Case) -> dict[str, str] | None:
    begun: dict[str, Any] = case.message.payload.get("hearing") or {}
    if int(begun.get("tries", 0)) >= TRIES:
        found = begun.get("why")
        return found if isinstance(found, dict) else _both(CannotHear.texts())
    if case.now - case.message.created_at > PATIENCE:
        return _both(_BUSY)
    return None


def _both(text: Text) -> dict[str, str]:
    return {"zh": text.zh, "en": text.en}


def _wait(case: Case) -> bool:
    """Give the row back until somebody listened to it. False when it is no longer ours."""
    message = case.message
    begun = message.payload.get("hearing") or {"tries": 0}
    message.payload = {**message.payload, "hearing": begun}
    ours = Message.objects.filter(
        pk=message.pk, attempts=message.attempts, state="waiting", lease_until__isnull=False
    )
    # Waiting costs no attempt: those are for what breaks.
    given_back = ours.update(
        lease_until=None,
        not_before=utcnow() + AGAIN,
        max_attempts=F("max_attempts") + 1,
        payload=message.payload,
    )
    return bool(given_back)


def _call(message: Message) -> None:
    try:
        with producers().acquire(block=True, timeout=2) as producer:
            app.send_task(
                TASK, args=[message.pk, message.attempts], queue=QUEUE, producer=producer,
                retry=False, time_limit=LIMIT_S, expires=AGAIN.total_seconds() * 4,
            )  # fmt: skip
    except Exception as error:  # noqa: BLE001 - each broker's library has errors of its own
        log.warning("hearing.broker_away", message=message.pk, error=type(error).__name__)


def run(message_id: int, attempt: int) -> None:
    """Listen to one message, if that is still to be done; a repeated or late call does nothing."""
    message = _begin(message_id, attempt)
    if message is None:
        return
    with bind_trace(message.trace_id), _Holder(message):
        outcome = _listen(message)
    _write(message, outcome)
    wake.wake(message.lane)


def _begin(message_id: int, attempt: int) -> Message | None:
    with transaction.atomic():
        found = (
            Message.objects.select_for_update(of=("self",))
            .select_related("bot", "conversation")
            .filter(pk=message_id, attempts=attempt, state="waiting", lease_until__isnull=True)
            .first()
        )
        if found is None or not wanted(found):
            return None
        begun = found.payload.get("hearing") or {}
        if begun.get("attempt") == attempt:
            return None  # the same call came twice
        tries = int(begun.get("tries", 0)) + 1
        found.payload["hearing"] = {**begun, "tries": tries, "attempt": attempt}
        found.not_before = utcnow() + AGAIN
        found.save(update_fields=["payload", "not_before"])
        return found


class _Holder:
    """Keeps others from calling again while we listen."""

    def __init__(self, message: Message) -> None:
        self._row = Message.objects.filter(
            pk=message.pk, attempts=message.attempts, state="waiting", lease_until__isnull=True
        )
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._hold, name="hearing", daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *raised: object) -> None:
        self._over.set()
        self._thread.join(timeout=5)

    def _hold(self) -> None:
        try:
            while not self._over.wait(HOLD_S):
                self._row.all().update(not_before=utcnow() + AGAIN)
        except (DatabaseError, InterfaceError) as error:
            log.warning("hearing.database_away", error=type(error).__name__)
        finally:
            connection.close()


#: What came of listening: what is written into the payload, and when to look again.
Outcome = tuple[dict[str, Any], timedelta]
NOW = timedelta()


def _listen(message: Message) -> Outcome:
    tries = int(message.payload["hearing"]["tries"])
    try:
        return {"heard": _hear(message)}, NOW
    except CannotHear as error:
        why = {"zh": error.text("zh"), "en": error.text("en")}
        log.info("hearing.failed", message=message.pk, code=error.code, detail=error.detail[:300])
        if isinstance(error, TryLater) and tries < TRIES:
            return {"why": why}, timedelta(seconds=5 * tries)
        return {"heard": {"why": why}}, NOW
    except Exception as error:
        # A boundary: whatever it is, the sender is to be answered.
        log.exception("hearing.broke", message=message.pk, error=type(error).__name__)
        why = _both(CannotHear.texts())
        return ({"why": why}, timedelta(seconds=5)) if tries < TRIES else (
            {"heard": {"why": why}}, NOW
        )  # fmt: skip


def _hear(message: Message) -> dict[str, Any]:
    """What is kept of what was heard. Raises `CannotHear`."""
    attachment = received.voice_of(message)
    if attachment is None:
        raise NoTranscriber
    if int(attachment.get("duration_ms") or 0) > LONGEST_S * 1000:
        raise TooLong(seconds=LONGEST_S)  # without fetching it
    try:
        media = received.media_of(message, attachment, MAX_SOUND)
    except Permanent as error:
        raise CannotHear(str(error)) from error
    except DeliveryError as error:
        raise TryLater(why=_NOT_THERE.format(why=str(error)[:200])) from error
    except CannotHear:
        raise
    except ClawdbotError as error:  # refused for what it is
        raise CannotHear(str(error)) from error
    kind = file_kinds.sniff(media.data, media.name)
    heard = speech.hear(media.data, kind.mime)
    return {
        "text": heard.text, "raw": heard.raw, "sure": heard.sure, "by": heard.by,
        "language": heard.language, "seconds": round(heard.seconds, 1),
    }  # fmt: skip


def _write(message: Message, outcome: Outcome) -> None:
    found, pause = outcome
    heard = found.get("heard")
    now: datetime = utcnow()
    with transaction.atomic():
        row = (
            Message.objects.select_for_update()
            .filter(pk=message.pk, attempts=message.attempts, state="waiting")
            .filter(lease_until__isnull=True)
            .first()
        )
        if row is None:
            return
        if heard is None:
            row.payload["hearing"] = {**row.payload["hearing"], "why": found["why"]}
        else:
            row.payload["heard"] = heard
            received.forget_bytes(row.payload)  # a recording is not kept
            row.text = heard.get("text", "")
            _record(row, heard)
        row.not_before = now + pause
        row.save(update_fields=["payload", "text", "not_before"])


def _record(row: Message, heard: dict[str, Any]) -> None:
    known: dict[str, Any] = {k: v for k, v in heard.items() if k in {"by", "seconds", "sure"}}
    outcome = "failed" if "why" in heard else "heard"
    audit.record(
        "message.heard", actor=Actor.system("hearing"), obj=("message", str(row.pk), ""),
        outcome=outcome, trace_id=row.trace_id, data=known,
    )  # fmt: skip
