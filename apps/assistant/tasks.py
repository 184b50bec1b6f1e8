"""The Celery entry points. Arguments are ids; losing or repeating a call is harmless."""

from __future__ import annotations

from apps.assistant import documents, hearing, runner
from apps.assistant import drain as draining
from apps.assistant.jobs import TASK_PREFIX
from apps.knowledge import indexing
from apps.skills.added import FAMILIES, GONE
from apps.skills.base import registry
from clawdbot.celery import app


@app.task(name="assistant.drain", acks_late=False)
def drain(lane: str) -> None:
    """Handle the messages of a lane and send what is due."""
    draining.run(lane)


@app.task(name=hearing.TASK)
def hear(message_id: int, attempt: int) -> None:
    """Turn a voice message into text."""
    hearing.run(message_id, attempt)


@app.task(name=documents.TASK)
def index(document_id: int) -> None:
    """Read and index a document."""
    indexing.run(document_id)


def _register(skill: str) -> None:
    @app.task(name=f"{TASK_PREFIX}{skill}")
    def run(job_id: int) -> None:
        runner.run(job_id)


for _skill in [*(name for name, one in registry().items() if not one.family), *FAMILIES, GONE]:
    _register(_skill)

from apps.assistant import worker  # noqa: E402, F401 - connects the worker's signals
