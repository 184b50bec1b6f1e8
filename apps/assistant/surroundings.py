"""Asks platforms what no message says: is a chat private, and what does an event ask for.

Only messages of kind `event`, and the first ones of a chat whose type is unknown, wait for that.
A platform that is away is asked again later, in the order of the chat; what is known is kept.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from datetime import timedelta
from typing import Any

import structlog

from apps.assistant import inbox, leavers, wake, words
from apps.assistant.case import Case
from apps.assistant.models import Conversation
from apps.core import work
from apps.core.loop import outside
from apps.im.base import Heard, Permanent, Place, get_platform
from apps.im.bots import send_context
from apps.im.pacing import pacing

log = structlog.get_logger(__name__)
#: One question with all its calls; a lease lasts longer.
PATIENCE_S = 8.0
#: So long a platform that is away is asked again; an event that is older has had its time.
TRIES_FOR = timedelta(hours=1)
LONGEST_PAUSE_S = 60.0


def ask(cases: Sequence[Case]) -> list[Case]:
    """Conclude the events and learn the types of chats; returns the cases that may go on.

    The others are given back, to be claimed again.
    """
    asked = [case for case in cases if case.open and _wants(case)]
    if not asked:
        return list(cases)
    waiting: set[int] = set()
    for case, answer in zip(asked, _answers(asked), strict=True):
        if isinstance(answer, Heard):
            _take(case, answer)
        elif isinstance(answer, Permanent):
            log.warning("surroundings.refused", message=case.message.pk, error=str(answer)[:300])
            _take(case, Heard())
        elif case.now - case.message.created_at > TRIES_FOR:
            log.error("surroundings.given_up", message=case.message.pk, error=str(answer)[:300])
            _take(case, Heard())
        else:
            _give_back(case, answer)
            waiting.add(case.message.pk)
    return [case for case in cases if case.message.pk not in waiting]


def _wants(case: Case) -> bool:
    return case.message.kind == "event" or not case.message.conversation.chat_type


def _answers(cases: Sequence[Case]) -> list[Heard | BaseException]:
    """What the platforms say, asked side by side."""

    async def all_of_them() -> list[Heard | BaseException]:
        questions = (asyncio.wait_for(_question(case), PATIENCE_S) for case in cases)
        return await asyncio.gather(*questions, return_exceptions=True)

    return outside.submit(all_of_them()).result()


def _question(case: Case) -> Coroutine[Any, Any, Heard]:
    message = case.message
    platform, ctx = get_platform(message.bot.platform), send_context(message.bot)
    place = Place(
        chat_id=message.conversation.chat_id,
        chat_type=message.conversation.chat_type,
        message_id=message.platform_message_id,
        sender_id=message.sender_id,
        extra=message.payload.get("extra") or {},
    )
    if message.kind == "event":
        known = case.person is not None and case.person.is_active
        return platform.on_event(ctx, place, known=known)

    async def kind() -> Heard:
        return Heard(chat_type=await platform.place_kind(ctx, place.chat_id))

    return kind()


def _take(case: Case, heard: Heard) -> None:
    """Keep what was learned; an event ends here, with no answer."""
    chat = case.message.conversation
    if heard.chat_type is not None and heard.chat_type != chat.chat_type:
        Conversation.objects.filter(pk=chat.pk).update(chat_type=heard.chat_type)
        chat.chat_type = heard.chat_type
    if heard.left:
        leavers.switch_off(case.message.bot_id, case.message.bot.platform, heard.left)
    if heard.messages:
        inbox.store([inbox.incoming(case.message.bot_id, one) for one in heard.messages])
        wake.wake("interactive")
    if case.message.kind == "event":
        case.conclude("ignored", "event")
        if heard.say is not None:
            case.notice(words.plain(heard.say, case.language))


def _give_back(case: Case, error: BaseException) -> None:
    """Ask again after a pause that grows; these tries are none of the message's own."""
    message = case.message
    asked = getattr(error, "delay_s", 0.0)
    if asked > 0:
        pacing.refused(message.bot_id, asked)
    pause = max(asked, min(2.0**message.attempts, LONGEST_PAUSE_S))
    when = case.now + timedelta(seconds=pause)
    reason = f"{type(error).__name__}: {error}"
    log.warning("surroundings.later", message=message.pk, error=reason[:300])
    work.retry_at(message, when, reason, max_attempts=message.max_attempts + 1)
