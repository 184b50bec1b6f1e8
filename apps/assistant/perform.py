"""Do what was understood and allowed: answer in place, ask back, or make a job."""

from __future__ import annotations

from apps.assistant import (
    actions,
    approvals,
    clicks,
    context,
    jobs,
    needs,
    progress,
    questions,
    reply,
    strangers,
    voice,
    words,
)
from apps.assistant.case import Case
from apps.assistant.models import Job
from apps.audit.log import Actor
from apps.core.errors import ClawdbotError
from apps.core.i18n import Text
from apps.im import cards
from apps.skills.base import Skill
from apps.skills.declare import Parameter


class QuestionOver(Exception):
    """The question was ended after we looked: the message has to be understood anew."""


def perform(case: Case) -> None:
    """Bring an open case to its end, within the batch's transaction.

    A stranger's end is the pairing answer: the code is kept only together with what tells it.
    """
    if case.open and case.person is None:
        strangers.greet(case)
    if case.drop_question and case.asking is not None:
        actions.drop_question(case.asking, case.now)
        case.asking = None
    if not case.open or case.understood is None:
        return
    found = case.understood
    if found.problem is not None:
        _say_problem(case, found.problem)
    elif found.skill is None:
        offers = [(o.label.in_(case.language), o.cmd) for o in found.offers]
        case.answer(words.offers(case.message.text, offers, case.language), reason=found.stage)
    elif clicks.take(case):
        _act(case, found.skill, found.missing)


def _act(case: Case, skill: Skill, missing: Parameter | None) -> None:
    """Do it; a button that said it is used up, unless it is refused here."""
    if missing is not None:
        _ask_back(case, skill, missing)
    elif kind := _kind(case, skill):
        _ask_approval(case, skill, kind)
    elif skill.quick:
        _answer_now(case, skill)
    else:
        _make_job(case, skill, "waiting")


def _kind(case: Case, skill: Skill) -> str:
    """What it needs; a question of a proposed job does not make it less of a guess."""
    proposed = case.asking is not None and case.asking.proposed
    parameters = case.understood.parameters if case.understood else {}
    kind = needs.kind_of(skill, parameters, proposed=proposed)
    return kind or voice.confirms(case.message, skill, parameters)


def _say_problem(case: Case, problem: Text) -> None:
    """Why it cannot be acted on; a question that is still open is asked again with the reason."""
    job, found = case.asking, case.understood
    missing = found.skill.parameters if found and found.skill else ()
    asked = next((p for p in missing if job and p.name == job.asking_for), None)
    if job is None or found is None or found.skill is None or asked is None:
        card = cards.error(problem.in_(case.language), language=case.language)
        case.answer(card, reason="problem")
        return
    card = questions.card(job, found.skill, job.parameters, asked, case.language, why=problem)
    case.answer(card, reason="problem", job=job)


def _answer_now(case: Case, skill: Skill) -> None:
    """Run a quick skill in place. A refusal with cause and mend is an answer too."""
    assert case.person is not None  # noqa: S101 - authorised
    assert case.rights is not None  # noqa: S101 - authorised
    assert case.understood is not None  # noqa: S101 - looked at by perform
    here = context.for_message(case.message, case.person, case.rights, case.now)
    try:
        result = skill.run(here, case.understood.parameters)
    except ClawdbotError as error:
        clicks.give_back(case)
        card = cards.error(error.text(case.language), language=case.language)
        case.answer(card, reason=error.code)
    else:
        language = words.language_of(here.person)  # /lang may just have changed it
        case.answer(reply.as_card(result, language), reason=skill.name, private=result.private)
    if case.asking is not None:
        _close(case, case.asking)


def _close(case: Case, job: Job) -> None:
    """A question about a quick skill is over with its answer."""
    Job.objects.filter(pk=job.pk, state="asking").update(
        state="succeeded", parameters=case.understood.parameters if case.understood else {},
        message=case.message, finished_at=case.now,
    )  # fmt: skip
    case.entries.append(jobs.entry(job, "job.succeeded", case.actor, "succeeded"))
    _show_filled(case, job)


def _show_filled(case: Case, job: Job) -> None:
    """The question shows what was answered, and its form is gone."""
    if case.understood is not None and case.understood.skill is not None:
        progress.question_over(job, case.understood.skill, case.understood.parameters)


def _ask_back(case: Case, skill: Skill, missing: Parameter) -> None:
    """Ask for the parameter; the next message in this conversation fills it, or a form all."""
    assert case.understood is not None  # noqa: S101 - looked at by perform
    job = _make_job(case, skill, "asking")
    Job.objects.filter(pk=job.pk).update(
        asking_for=missing.name, expires_at=case.now + jobs.ASK_LIFE
    )
    known = case.understood.parameters
    card = questions.card(job, skill, known, missing, case.language)
    case.answer(card, reason=f"asking:{missing.name}", job=job)


def _ask_approval(case: Case, skill: Skill, kind: str) -> None:
    job = _make_job(case, skill, "asking")
    Job.objects.filter(pk=job.pk).update(asking_for=kind, expires_at=None)
    case.deliveries += approvals.open_for(job, kind, case.message, case.now)


def _make_job(case: Case, skill: Skill, state: str) -> Job:
    """Make the job, or carry on with the one that asked; the message's answer is the job's end."""
    assert case.person is not None  # noqa: S101 - authorised
    assert case.understood is not None  # noqa: S101 - looked at by perform
    job = case.asking
    if job is not None:
        carried_on = Job.objects.filter(pk=job.pk, state="asking").update(
            state=state, asking_for="", parameters=case.understood.parameters,
            message=case.message, not_before=case.now,
        )  # fmt: skip
        if not carried_on:
            raise QuestionOver(job.number)
        job.refresh_from_db()
        _show_filled(case, job)
    else:
        job = jobs.new(
            person=case.person,
            conversation=case.message.conversation,
            message=case.message,
            skill=skill,
            parameters=case.understood.parameters,
            now=case.now,
            trace_id=case.message.trace_id,
            state=state,
        )
        actor = Actor.person(case.person)
        case.entries.append(jobs.entry(job, "job.created", actor, state, lane=job.lane))
    case.jobs.append(job)
    case.conclude("done", f"job:{job.number}")
    return job
