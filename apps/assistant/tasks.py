"""The Celery entry points. Arguments are ids; losing or repeating a call is harmless."""

from __future__ import annotations

from apps.assistant import drain as draining
from apps.assistant import runner
from apps.assistant.jobs import task_name
from apps.skills.base import registry
from clawdbot.celery import app


@app.task(name="assistant.drain", acks_late=False)
def drain(lane: str) -> None:
    """Handle the messages of a lane and send what is due."""
    draining.run(lane)


def _register(skill: str) -> None:
    @app.task(name=task_name(skill))
    def run(job_id: int) -> None:
        runner.run(job_id)


for _skill in registry():
    _register(_skill)

from apps.assistant import worker  # noqa: E402, F401 - connects the worker's signals
