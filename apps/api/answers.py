"""What became of a message, and waiting for it."""

from __future__ import annotations

import threading
import time
from typing import Any

from apps.assistant.models import Message
from apps.im.models import Delivery

#: Calls that wait at the same time in this process; more are answered at once.
MOST_WAITING = 20
#: A message in one of these may never get an answer.
SILENT_ENDS = ("ignored", "limited", "dead")

_room = threading.BoundedSemaphore(MOST_WAITING)


def outcome(message: Message) -> dict[str, Any]:
    """Return the message with its job and what was said to it. Two queries."""
    job = message.jobs.order_by("reply_role", "-pk").first()  # the one that answers
    said = {d.role: d for d in Delivery.objects.filter(message=message).order_by("pk")}
    asking = job is not None and job.state == "asking"
    return {
        "message_id": message.pk,
        "state": message.state,
        "text": message.text,
        "created_at": message.created_at,
        "job": job.number if job else None,
        "job_state": job.state if job else None,
        "answer": _said(said.get("answer")),
        "question": _said(said.get("progress")) if asking else None,
    }


def wait(message: Message, seconds: float) -> dict[str, Any]:
    """Return the outcome as soon as there is an answer or a question, or when the time is over."""
    if seconds <= 0 or not _room.acquire(blocking=False):
        return outcome(message)
    try:
        return _wait(message, time.monotonic() + seconds)
    finally:
        _room.release()


def _wait(message: Message, end: float) -> dict[str, Any]:
    pause = 0.03
    while True:
        found = outcome(message)
        over = found["answer"] or found["question"] or found["state"] in SILENT_ENDS
        left = end - time.monotonic()
        if over or left <= 0:
            return found
        time.sleep(min(pause, left))
        pause = min(pause * 1.3, 0.5)
        message.refresh_from_db(fields=["state"])


def _said(delivery: Delivery | None) -> dict[str, Any] | None:
    return {"text": delivery.text, "card": delivery.card} if delivery else None
