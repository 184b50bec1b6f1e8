"""What is kept of an answer in which a model had part."""

from __future__ import annotations

from datetime import datetime

from apps.assistant import flow, heard, memory, received
from apps.assistant.models import Job
from apps.assistant.plan import ASSIST, PLAN, Plan
from apps.im import cards
from apps.im.cards import Card
from apps.skills import ai_label
from apps.skills.base import get


def keep(job: Job, card: Card, now: datetime) -> None:
    """Remember a question and its answer, where a model had part in it. In the caller's
    transaction; nothing for any other job, and nothing that was only passed on: a planner would
    read it as the asker's own words."""
    if job.message is None or job.state != "succeeded" or not _talked(job):
        return
    if heard.forwarded(job.message):
        return
    # The label stays out: a model that saw it below its answers would write one itself.
    asked, said = job.message.text, cards.to_text(ai_label.without(card))
    memory.remember(job.person, job.conversation, asked, said, now, outside=_of_others(job))


def _talked(job: Job) -> bool:
    return job.proposed or job.lane == "model" or job.skill == ASSIST


def _of_others(job: Job) -> bool:
    """Does the answer hold what others wrote?"""
    if job.skill == PLAN:
        return bool(flow.tainted(Plan.from_json(job.parameters["steps"])))
    skill = get(job.skill)
    quoted = job.message is not None and bool(received.quoted(job.message))
    return quoted or skill is None or flow.reads_others(skill, job.parameters)
