"""The set-wise steps before anything is done: each looks at all open cases of a batch at once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from django.conf import settings

from apps.accounts import authz, identity
from apps.assistant import attached, calls, clicks, hearing, jobs, voice, words
from apps.assistant.case import Case
from apps.assistant.lanes import CLICKS
from apps.assistant.models import Conversation
from apps.assistant.understand import Asker, Understood
from apps.assistant.understand import understand as understand_text
from apps.core.limits import Rate, check_groups, check_many
from apps.core.sql import Among, Prepared
from apps.im.models import Bot
from apps.skills import base as skills
from apps.skills.parameters import Bound, Missing, fill, fill_form

NEVER_MIND = frozenset({"取消", "算了", "不用了", "cancel", "never mind", "nevermind"})
READABLE = frozenset({"text", "command", "voice", "file", "image"}) | CLICKS
CARD_RATE = Rate.parse("1/m")


def pause(attempts: int) -> timedelta:
    """How long a message that broke waits for its next attempt."""
    return timedelta(seconds=2**attempts)


def identify(cases: Sequence[Case]) -> None:
    """Who is it: the person the entrance named, or the one the IM identity is bound to."""
    _attach(cases)
    named = identity.by_key({c.message.person_id for c in cases if c.message.person_id})
    unnamed = [c for c in cases if not c.message.person_id]
    bound = identity.resolve({(c.message.bot_id, c.message.sender_id) for c in unnamed})
    for case in cases:
        message = case.message
        if message.person_id:
            case.person = named.get(message.person_id)
        else:
            case.person = bound.get((message.bot_id, message.sender_id))
    rights = authz.rights({c.person for c in cases if c.person is not None})
    for case in cases:
        case.rights = rights[case.person.pk] if case.person else None


def admit(cases: Sequence[Case]) -> None:
    """Is it for us at all, and may its sender ask anything?"""
    for case in cases:
        if not case.open:
            continue
        if _not_for_us(case):
            case.conclude("ignored", "not_addressed")
        elif case.person is not None and not case.person.is_active:
            case.answer(words.plain(words.DISABLED, case.language), state="refused", reason="off")


bots_of = Prepared(lambda: Bot.objects.filter(Among("pk", "keys")))
conversations_of = Prepared(lambda: Conversation.objects.filter(Among("pk", "keys")))


def _attach(cases: Sequence[Case]) -> None:
    """Give each message its bot and its conversation, in one query for each kind."""
    bots = {bot.pk: bot for bot in bots_of.instances(keys={c.message.bot_id for c in cases})}
    keys = {c.message.conversation_id for c in cases}
    chats = {chat.pk: chat for chat in conversations_of.instances(keys=keys)}
    for case in cases:
        case.message.bot = bots[case.message.bot_id]
        case.message.conversation = chats[case.message.conversation_id]


def _not_for_us(case: Case) -> bool:
    message = case.message
    in_group = message.conversation.chat_type != "private"
    return in_group and not message.mentions_bot and message.kind not in CLICKS


def throttle(cases: Sequence[Case]) -> None:
    """How often: a person's and a chat's rate. What is over it ends as `limited`."""
    person = Rate.parse(settings.CLAWDBOT_LIMIT_PERSON)
    chat = Rate.parse(settings.CLAWDBOT_LIMIT_CHAT)
    asked = [
        c
        for c in cases
        if c.open and c.message.origin != "schedule" and not hearing.counted(c.message)
    ]
    groups = [
        [(_who(case), person), (f"chat:{case.message.conversation_id}", chat)] for case in asked
    ]
    allowed = check_groups(groups, asked[0].now.timestamp()) if asked else []
    over = [case for case, ok in zip(asked, allowed, strict=True) if not ok]
    if not over:
        return
    keys = [(f"limited-card:{c.message.conversation_id}", CARD_RATE) for c in over]
    tell = check_many(keys, over[0].now.timestamp())
    for case, say in zip(over, tell, strict=True):
        case.conclude("limited", "rate")
        if say:
            case.notice(words.plain(words.LIMITED, case.language))


def _who(case: Case) -> str:
    if case.person is not None:
        return f"person:{case.person.pk}"
    return f"sender:{case.message.bot_id}:{case.message.sender_id}"


def recall(cases: Sequence[Case]) -> None:
    """Is this the answer to a question of ours?"""
    asked = [c for c in cases if c.open and c.person is not None]
    if not asked:
        return
    found = jobs.open_question([c.message.conversation_id for c in asked], asked[0].now)
    open_jobs = {(job.conversation_id, job.person_id): job for job in found}
    for case in asked:
        if case.person and case.message.kind not in CLICKS and not calls.is_call(case.message):
            case.asking = open_jobs.get((case.message.conversation_id, case.person.pk))


def understand(cases: Sequence[Case]) -> None:
    """What do they want: a skill with typed parameters, a question back, or offers."""
    for case in cases:
        if not case.open or case.person is None or case.rights is None:
            continue
        text = case.message.text.strip()
        if calls.is_call(case.message):
            case.understood = calls.understood(case.message, _asker(case))
        elif case.message.kind not in READABLE:
            case.answer(words.plain(words.TEXT_ONLY, case.language), reason=case.message.kind)
        elif attached.alone(case.message):
            attached.take(case)
        elif not text:
            case.answer(words.plain(words.EMPTY, case.language), reason="empty")
        elif case.asking is not None and text.casefold() in NEVER_MIND:
            case.drop_question = True
            case.answer(words.plain(words.STOPPED_ASKING, case.language), reason="never_mind")
        else:
            _understand(case, text)
            attached.fill(case)
            voice.judge(case)


def _asker(case: Case) -> Asker:
    assert case.person is not None  # noqa: S101 - the caller looked
    assert case.rights is not None  # noqa: S101 - the caller looked
    return Asker(
        person_id=case.person.pk,
        rights=case.rights,
        language=case.language,
        now=case.now,
        tz=words.zone(),
        attended=case.message.origin != "schedule",
    )


def _understand(case: Case, text: str) -> None:
    asker = _asker(case)
    if case.press is not None and case.press.form is not None:
        case.understood = _filled(case, text, asker)
        return
    understood = understand_text(text, asker)
    if case.asking is not None:
        if understood.stage == "command":
            case.drop_question = True
        else:
            understood = _filled(case, text, asker)
    case.understood = understood


def _filled(case: Case, text: str, asker: Asker) -> Understood:
    """The message as the value of the parameter that was asked for, or the form as its values."""
    job = case.asking
    assert job is not None  # noqa: S101 - the caller looked
    skill = skills.get(job.skill)
    if skill is None:
        case.drop_question = True
        return understand_text(text, asker)
    if case.press is not None:
        typed = clicks.values_of(case)
        result = fill_form(skill.parameters, job.parameters, typed, asker.clock)
    else:
        result = fill(skill.parameters, job.parameters, job.asking_for, text, asker.clock)
    if isinstance(result, Bound):
        return Understood.answered(skill, result.values)
    if isinstance(result, Missing):
        return Understood.answered(skill, result.values, missing=result.parameter)
    return Understood.answered(skill, job.parameters, problem=result.why)


def authorise(cases: Sequence[Case]) -> None:
    """May they: deny by default; a refusal says which right is missing and who can give it."""
    for case in cases:
        found = case.understood
        if not case.open or found is None or found.skill is None or case.rights is None:
            continue
        decision = case.rights.decide(found.skill.permission)
        action = "permission.allowed" if decision.allowed else "permission.denied"
        outcome = "allowed" if decision.allowed else "denied"
        case.audit(action, outcome, permission=decision.permission, stage=found.stage)
        if not decision.allowed:
            text = authz.refusal(decision, case.language)
            case.answer(words.refused(text), state="refused", reason=decision.permission)
