"""What a model is told of earlier talk in a chat."""

from __future__ import annotations

import structlog

from apps.accounts.authz import Rights
from apps.assistant import memory
from apps.assistant.models import Job
from apps.assistant.ports import Asker
from apps.assistant.writer import Models
from apps.core.clock import utcnow
from apps.core.errors import ClawdbotError
from apps.core.i18n import both
from apps.llm.shapes import Turn

log = structlog.get_logger(__name__)
SUMMARY = both(
    "用几句话概括这段对话里以后用得上的内容。",
    "Sum up in a few sentences what of this talk may be needed later.",
)


def talk(job: Job, rights: Rights) -> list[Turn]:
    """What was said before in this chat by the job's owner; never more than the budget.

    What grew over it is summed up first; when that fails the oldest is left out instead.
    """
    now = utcnow()
    try:
        memory.sum_up(job.person, job.conversation, now, lambda text: _gist(job, rights, text))
    except ClawdbotError as error:
        log.warning("memory.no_summary", job=job.number, code=error.code)
    return memory.recall(job.person, job.conversation, now)


def _gist(job: Job, rights: Rights, text: str) -> str:
    asker = Asker(job.person, rights, job.conversation, utcnow(), job.trace_id, job.message)
    task = SUMMARY.in_(job.person.language or "zh-hans")
    return Models(asker, "memory", job.number).write(task, material=[text], max_tokens=400).text
