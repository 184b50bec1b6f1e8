"""The job that asks a model: what the first three stages do not settle becomes a proposal, and the
proposal an answer, a run in place, or the job that goes on in its stead."""

from __future__ import annotations

from collections.abc import Sequence

from apps.accounts.authz import Rights
from apps.assistant import (
    ai_cards,
    attached,
    context,
    earlier,
    grammar,
    plan_words,
    planner,
    reply,
    voice,
    words,
)
from apps.assistant.case import Case
from apps.assistant.ending import End, attempt
from apps.assistant.fully import from_proposal
from apps.assistant.heard import forwarded
from apps.assistant.jobs import entry
from apps.assistant.lanes import CLICKS
from apps.assistant.models import Job
from apps.assistant.plan import ASSIST
from apps.assistant.planner import Proposed
from apps.assistant.progress import Board
from apps.assistant.understand import Asker, Understood, understand
from apps.audit import log as audit
from apps.audit.log import Actor
from apps.core.clock import utcnow
from apps.core.i18n import both
from apps.llm import usable
from apps.llm.shapes import Purpose
from apps.skills.base import get

THINKING = both("正在理解 …", "Understanding …")
ASKED = both("由语言模型来理解", "a language model is asked what it means")


def take_up(cases: Sequence[Case]) -> None:
    """Give to a model what nobody understood, where the asker may use one. One query for a batch
    in which there is such a text, none for any other."""
    open_ones = [case for case in cases if _unsettled(case)]
    if not open_ones:
        return
    models = usable.permissions()
    skill = get(ASSIST) if models else None
    for case in open_ones:
        rights = case.rights
        if skill is None or rights is None or not rights.allows(skill.permission):
            continue
        if any(map(rights.allows, models)):
            text = case.message.text.strip()
            case.understood = Understood("model", skill, {"text": text}, why=ASKED)


def _unsettled(case: Case) -> bool:
    found, message = case.understood, case.message
    if not case.open or found is None or found.stage not in ("nearest", "none"):
        return False
    if message.origin == "schedule" or message.kind in CLICKS:
        return False
    if forwarded(message) or not voice.sure(message):
        return False
    return grammar.read(message.text.strip()) is None


def run(job: Job, rights: Rights, board: Board, timeout_s: float) -> End:
    """Ask the model for this job's text and end with what comes of it."""
    asker = asker_of(job, rights)

    def act() -> End:
        board.note(THINKING.in_(asker.language))
        proposed = planner.propose(
            job.parameters["text"], asker, earlier.talk(job, rights), purpose=purpose_of(job),
            files=_files(job, rights),
        )  # fmt: skip
        return _end(job, rights, board, asker, proposed)

    return attempt(job, timeout_s, board, act, lambda end: end)


def asker_of(job: Job, rights: Rights) -> Asker:
    """The owner of a job as who asks now."""
    language = words.language_of(job.person)
    return Asker(job.person_id, rights, language, utcnow(), words.zone())


def purpose_of(job: Job, why: str = "plan") -> Purpose:
    """For whom and why a model is asked in this job."""
    audience = f"chat:{job.conversation_id}"
    return Purpose(why, job.person_id, audience, job.number, job.trace_id)


def _files(job: Job, rights: Rights) -> list[dict[str, object]]:
    if job.message is None:
        return []
    return attached.at_hand(Case(job.message, utcnow(), job.person, rights))


def _end(job: Job, rights: Rights, board: Board, asker: Asker, proposed: Proposed) -> End:
    text = job.parameters["text"]
    found = from_proposal(proposed, asker, understand(text, asker))
    if found.words:
        card = ai_cards.answered(found.words, proposed.model, asker.language)
        return End("succeeded", card)
    if found.skill is None:
        return End("succeeded", ai_cards.not_helped(text, found, asker.language))
    _allowed(job, found)
    if found.skill.quick and found.runs:
        said = found.skill.run(context.for_job(job, rights, board.note), found.parameters)
        line = plan_words.understood(found.skill.name, found.parameters, asker.language)
        card = ai_cards.with_line(reply.as_card(said, asker.language), line)
        return End("succeeded", card, private=said.private)
    if found.missing is not None and job.message is None:
        return End("succeeded", words.plain(found.missing.question, asker.language))
    return End("succeeded", words.plain(THINKING, asker.language), becomes=found)


def _allowed(job: Job, found: Understood) -> None:
    """The check has looked at the right; say so where every decision is said."""
    assert found.skill is not None  # noqa: S101 - the caller looked
    about = {"permission": found.skill.permission, "stage": found.stage}
    actor = Actor.person(job.person)
    audit.record_many([entry(job, "permission.allowed", actor, "allowed", **about)])
