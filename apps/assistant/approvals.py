"""Confirm and approve: a question bound to exactly what would run, answered once, in time."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet

from apps.accounts import authz
from apps.accounts.models import Person
from apps.accounts.rights import holding
from apps.assistant import (
    conversations,
    finish,
    heard,
    jobs,
    needs,
    plan_words,
    progress,
    reply,
    words,
)
from apps.assistant.jobs import entry
from apps.assistant.models import Approval, Job, Message
from apps.assistant.plan import PLAN, Plan, skills_in
from apps.assistant.visible import fits, visible
from apps.audit import log as audit
from apps.audit.log import Actor
from apps.core import ids, strictjson
from apps.core.errors import ClawdbotError
from apps.core.sql import Prepared, Slot
from apps.im import cards, delivery
from apps.im.cards import Button, Card, Fields
from apps.im.models import Delivery
from apps.skills import base as skills

LIFE = timedelta(minutes=30)
MOST_TOLD = 10
MOST_LINES = 4


class NoSuchCode(ClawdbotError):
    """There is no open question with this code."""

    code = "approval_unknown"
    http_status = 404
    zh = "没有这个编号的待决事项。请核对编号，或看看它是不是已经过期。"
    en = "There is nothing to decide under this code. Check it; it may have expired."


class AlreadyDecided(ClawdbotError):
    """Somebody was faster, or it expired."""

    code = "approval_decided"
    http_status = 409
    zh = "这件事已经有结果了：{state}（{who}）。"
    en = "This was decided already: {state} ({who})."


class NotYours(ClawdbotError):
    """Only the asker may confirm."""

    code = "approval_not_yours"
    http_status = 403
    zh = "只有提出的人自己可以确认或放弃。"
    en = "Only the person who asked may confirm or withdraw it."


class OwnRequest(ClawdbotError):
    """Nobody approves their own request."""

    code = "approval_own"
    http_status = 403
    zh = "不能批准自己的请求，要由另一个人批准。"
    en = "You cannot approve your own request; somebody else has to."


def digest(job: Job) -> str:
    """What exactly is asked for: skills (as they are now), parameters and asker, as one hash."""
    what = {"skill": job.skill, "parameters": job.parameters, "person": job.person_id}
    found = map(skills.get, skills_in(job.skill, job.parameters))
    versions = {one.name: one.version for one in found if one is not None and one.version}
    if versions:
        what["versions"] = versions
    return hashlib.sha256(strictjson.dumps(what, sort_keys=True).encode()).hexdigest()


def open_for(
    job: Job, kind: str, message: Message | None, now: datetime, held: Sequence[str] = ()
) -> list[Delivery]:
    """Ask for a decision about a job that stands in `asking`; returns the cards to deliver.

    `held` are parameters whose values others wrote: whoever decides is told to look closely.
    """
    if job.proposed and kind == "approve":
        # What a model made of the words is shown to their asker before anybody else is asked.
        kind = "confirm"
        Job.objects.filter(pk=job.pk).update(asking_for=kind)
    approval = Approval.objects.create(
        job=job,
        kind=kind,
        held=list(held),
        code=ids.code(),
        digest=digest(job),
        created_at=now,
        expires_at=now + LIFE,
    )
    audit.record_many(
        [entry(job, "approval.asked", Actor.person(job.person), kind, code=approval.code)]
    )
    card = _card(approval, words.language_of(job.person))
    asked = reply.for_job(job, "progress", card, now=now)
    return asked + (_tell_approvers(approval, now) if kind == "approve" else [])


def _tell_approvers(approval: Approval, now: datetime) -> list[Delivery]:
    """The same question in the web chat of those who may decide, a few of them at most."""
    job = approval.job
    return [_told(approval, person, now) for person in _able(job)[:MOST_TOLD]]


def _able(job: Job) -> list[Person]:
    """Who may approve this job: for a plan, whoever may approve each of its steps."""
    permissions = needs.approving(job.skill, job.parameters)
    every = [{one.pk: one for one in holding(name)} for name in permissions]
    able = every[0] if every else {}
    return [
        one
        for key, one in able.items()
        if key != job.person_id and all(key in others for others in every)
    ]


def _told(approval: Approval, person: Person, now: datetime) -> Delivery:
    language = words.language_of(person)
    chat, card = conversations.own(person), _card(approval, language)
    made = reply.to_conversation(chat, "notice", card, now=now, job=approval.job, language=language)
    made.context = {"language": language}  # what is added later is in the same one
    return made


def _card(approval: Approval, language: str) -> Card:
    job = approval.job
    skill = words.skill_label(job.skill, language)
    pairs = [(words.CODE.in_(language), approval.code)]
    if job.message is not None and heard.spoken(job.message):
        pairs.append((heard.LABEL.in_(language), heard.shown(job.message)))
    pairs += _parameters(job, language, plainly=bool(approval.held))
    notes: list[cards.Block] = _notes(approval, language)
    approve, deny = f"/approve {approval.code}", f"/deny {approval.code}"
    if approval.kind == "confirm":
        text = words.CONFIRM_TEXT.in_(language).format(skill=skill)
        title, yes, no = words.CONFIRM_TITLE, words.CONFIRM, words.WITHDRAW
    else:
        permission = ", ".join(needs.approving(job.skill, job.parameters))
        text = words.APPROVE_TEXT.in_(language).format(
            asker=str(job.person), skill=skill, permission=permission
        )
        title, yes, no = words.APPROVE_TITLE, words.APPROVE, words.DENY
        every = [authz.holders(name) for name in needs.approving(job.skill, job.parameters)]
        able = [name for name in every[0] if all(name in others for others in every)]
        able = [name for name in able if name != job.person.name]
        who = ", ".join(able[:MOST_TOLD]) + (" …" if len(able) > MOST_TOLD else "")
        pairs.append((words.WHO_MAY.in_(language), who or words.NOBODY.in_(language)))
    buttons = (
        Button(yes.in_(language), approve, "primary"),
        Button(no.in_(language), deny, "danger"),
    )
    blocks = (cards.Text(text), Fields(tuple(pairs)), *notes)
    return Card(title.in_(language), "orange", blocks, buttons)


def _notes(approval: Approval, language: str) -> list[cards.Block]:
    """What whoever decides has to mind."""
    job = approval.job
    notes = [plan_words.AI_CHOSE.in_(language)] if job.proposed else []
    if approval.held:
        labels = plan_words.held(job.skill, job.parameters, approval.held, language)
        notes.insert(0, words.HELD.in_(language).format(names=", ".join(labels)))
    return [cards.Text(one) for one in notes]


def _parameters(job: Job, language: str, *, plainly: bool = False) -> list[tuple[str, str]]:
    """What was asked for: each parameter by its label, or all as JSON when they are many.

    Each by its own where others wrote some (`plainly`: quotation marks within JSON are hard to
    read), and where a long text would push another parameter out of sight.
    """
    if job.skill == PLAN:
        return plan_words.pairs(Plan.from_json(job.parameters["steps"]), language)
    if len(job.parameters) > MOST_LINES and not plainly and fits(job.parameters):
        return [(words.PARAMETERS.in_(language), visible(job.parameters))]
    skill = skills.get(job.skill)
    labels = {p.name: p.label.in_(language) for p in skill.parameters} if skill else {}
    return [(labels.get(name, name), visible(value)) for name, value in job.parameters.items()]


def decide(code: str, person: Person, approve: bool, now: datetime) -> Job:
    """Approve or deny; returns the job. Raises ClawdbotError when it may not or cannot be.

    The first decision wins, whatever platform it came from.
    """
    approval = (
        Approval.objects.select_related("job__person", "decided_by")
        .filter(code=code.strip().upper())
        .first()
    )
    if approval is None:
        raise NoSuchCode
    _may_decide(approval, person)
    if approval.state == "waiting" and approval.expires_at <= now:
        expire(approval, now)
        approval.refresh_from_db()
    state = "approved" if approve else "denied"
    with transaction.atomic():
        won = Approval.objects.filter(
            pk=approval.pk, state="waiting", expires_at__gt=now, digest=digest(approval.job)
        ).update(state=state, decided_by=person, decided_at=now)
        if not won:
            approval.refresh_from_db()
            raise AlreadyDecided(
                state=words.state(approval.state), who=approval.decided_by or words.NOBODY_DECIDED
            )
        approval.state, approval.decided_by, approval.decided_at = state, person, now
        job = approval.job
        actor = Actor.person(person)
        audit.record_many([entry(job, f"approval.{state}", actor, state, code=approval.code)])
        if approve and approval.kind == "confirm" and needed(job) == "approve":
            _ask_others(approval, now)
        elif approve:
            Job.objects.filter(pk=job.pk, state="asking").update(
                state="waiting", asking_for="", not_before=now
            )
            transaction.on_commit(jobs.dispatch, robust=True)
            progress.decided(job, approval)
        else:
            language = words.language_of(job.person)
            card = words.plain(words.DENIED_BY, language, who=str(person))
            finish.end_idle(job, "denied", card, actor=actor, now=now, by=str(person))
    return job


def _ask_others(approval: Approval, now: datetime) -> None:
    """Its asker has confirmed what a model proposed; now somebody else has to approve it."""
    job, expires = approval.job, now + LIFE
    approval.kind, approval.state, approval.code = "approve", "waiting", ids.code()
    approval.decided_by, approval.decided_at = None, None
    approval.created_at, approval.expires_at = now, expires
    approval.save()
    job.asking_for = approval.kind
    job.save(update_fields=["asking_for"])
    actor = Actor.person(job.person)
    asked = entry(job, "approval.asked", actor, approval.kind, code=approval.code)
    audit.record_many([asked])
    progress.ask(job, _card(approval, words.language_of(job.person)))
    delivery.create(_tell_approvers(approval, now), take=False)


def _may_decide(approval: Approval, person: Person) -> None:
    job = approval.job
    if approval.kind == "confirm":
        if job.person_id != person.pk:
            raise NotYours
        return
    if job.person_id == person.pk:
        raise OwnRequest
    for permission in needs.approving(job.skill, job.parameters):
        authz.require(person, permission)


of_job = Prepared(lambda: Approval.objects.filter(job_id=Slot("job")))


def still_hold(job: Job) -> bool:
    """May this job run as far as approvals go: none needed, or one that fits it still holds."""
    found = of_job.instances(job=job.pk)
    if not found:
        return not needed(job)
    approval = found[0]
    if approval.state != "approved" or approval.digest != digest(job):
        return False
    if approval.kind == "confirm":
        return needed(job) != "approve"
    approver = approval.decided_by
    if approver is None or not approver.is_active or approver.pk == job.person_id:
        return False
    rights = authz.rights([approver])[approver.pk]
    return all(map(rights.allows, needs.approving(job.skill, job.parameters)))


def needed(job: Job) -> str:
    """`approve`, `confirm` or nothing: what the skill asks for as it is declared now."""
    skill = skills.get(job.skill)
    return needs.kind_of(skill, job.parameters, proposed=job.proposed) if skill else ""


def expire(approval: Approval, now: datetime) -> None:
    """End a question that nobody answered in time, and tell the asker."""
    with transaction.atomic():
        if not Approval.objects.filter(pk=approval.pk, state="waiting").update(state="expired"):
            return
        job = approval.job
        card = words.plain(words.EXPIRED, words.language_of(job.person))
        finish.end_idle(job, "expired", card, actor=Actor.system("sweeper"), now=now)


def _old(now: datetime | Slot) -> QuerySet[Approval]:
    return Approval.objects.filter(state="waiting", expires_at__lte=now)


any_old = Prepared(lambda: _old(Slot("now")).values_list("pk"), window=True)


def expire_old(now: datetime) -> int:
    """Expire every question whose time is over; returns how many."""
    if not any_old.rows(1, 0, now=now):
        return 0
    rows = list(_old(now).select_related("job__person")[:200])
    for approval in rows:
        expire(approval, now)
    return len(rows)
