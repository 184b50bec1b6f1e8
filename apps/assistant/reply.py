"""Answers as Delivery rows: to a message, or (a job's later word) to a conversation."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.conf import settings

from apps.accounts.models import Person
from apps.assistant import ai_cards, conversations, heard, words
from apps.assistant.conversations import NOWHERE
from apps.assistant.lanes import CLICKS
from apps.assistant.models import Approval, Conversation, Job, Message
from apps.assistant.plan import PLAN
from apps.im import cards
from apps.im.base import get_platform
from apps.im.cards import Card
from apps.im.models import Delivery
from apps.skills.base import Reply

#: Kinds of messages that nobody sees as a message to reply to.
UNANSWERABLE = CLICKS | {"event"}


def as_card(result: Reply, language: str) -> Card:
    """What a skill answered, as a card."""
    if isinstance(result.content, Card):
        return result.content
    return cards.answer(result.plain(language))


def to_message(
    message: Message,
    role: str,
    card: Card,
    *,
    now: datetime,
    job: Job | None = None,
    private: bool = False,
    language: str = "",
) -> Delivery:
    """A delivery (not saved) that answers this message where it was asked."""
    private = private or message.conversation.chat_id.startswith(NOWHERE)
    return Delivery(
        bot_id=message.bot_id,
        conversation_id=message.conversation_id,
        message_id=message.pk,
        job=job,
        role=role,
        lane="interactive",
        chat_id=message.conversation.chat_id,
        chat_type=message.conversation.chat_type,
        private_to=message.sender_id if private else "",
        reply_to="" if message.kind in UNANSWERABLE else message.platform_message_id,
        in_reply_to=message.platform_message_id,
        context=_context(message) | spoken(language),
        card=card.to_json(),
        text=cards.to_text(card, language or settings.CLAWDBOT_LANGUAGE),
        not_before=now,
        created_at=now,
        trace_id=message.trace_id,
    )


def _context(message: Message) -> dict[str, Any]:
    """What the platform needs for answering where this was asked: a thread, a reply address."""
    extra = message.payload.get("extra")
    if not extra:
        return {}
    wanted = get_platform(message.bot.platform).context_keys
    return {key: extra[key] for key in wanted if extra.get(key) is not None}


def spoken(language: str) -> dict[str, str]:
    """A language of the reader's own; nothing when it is the installation's."""
    return {"language": language} if language not in {"", settings.CLAWDBOT_LANGUAGE} else {}


def to_conversation(
    conversation: Conversation,
    role: str,
    card: Card,
    *,
    now: datetime,
    job: Job,
    language: str = "",
) -> Delivery:
    """A delivery (not saved) to a conversation that nobody asked in just now."""
    language = language or words.language_of(job.person)
    return Delivery(
        bot_id=conversation.bot_id,
        conversation_id=conversation.pk,
        message=None,
        job=job,
        role=role,
        lane="interactive",
        chat_id=conversation.chat_id,
        chat_type=conversation.chat_type,
        private_to=_who_is_there(conversation),
        context=spoken(language),
        card=card.to_json(),
        text=cards.to_text(card, language),
        not_before=now,
        created_at=now,
        trace_id=job.trace_id,
    )


def _who_is_there(conversation: Conversation) -> str:
    """The person in a private chat, where the platform writes to people and not to chats."""
    if conversation.chat_type != "private":
        return ""
    if not get_platform(conversation.bot.platform).chats_by_person:
        return ""
    # What a schedule asks there has no sender that a platform knows.
    said = Message.objects.filter(conversation=conversation, origin="im").order_by("-pk")
    return said.values_list("sender_id", flat=True).first() or ""


def for_job(
    job: Job, role: str, card: Card, *, now: datetime, private: bool = False
) -> list[Delivery]:
    """A job's word: the answer to its message, or a notice to its conversation."""
    if role == "notice" or job.message is None:
        told = to_conversation(job.conversation, role, card, now=now, job=job)
        alone = not private or told.chat_type == "private"
        return [told if alone else _in_web_chat(told, job.person)]
    language = words.language_of(job.person)
    if job.proposed and job.skill != PLAN and role == "answer":
        card = ai_cards.proposed(card, job.skill, job.parameters, language)
    if role == "answer":
        card = heard.with_heard(card, job.message, language)
    made = to_message(job.message, role, card, now=now, job=job, private=private, language=language)
    if role == "answer" and _nobody_waits(job):
        return [_in_web_chat(made, job.person)]
    return where_it_is_seen(made, job.message, job.person, now)


def where_it_is_seen(
    answer: Delivery, message: Message, person: Person | None, now: datetime
) -> list[Delivery]:
    """The answer as it is; what is private goes to the person's web chat, with a word about that
    in the group, where the platform can tell nobody anything alone."""
    known = message.origin != "schedule" or _name_asker(answer, message, person)
    if not answer.private_to or answer.chat_type == "private" or person is None:
        return [answer]
    if known and get_platform(message.bot.platform).abilities.private:
        return [answer]
    url = f"{settings.CLAWDBOT_PUBLIC_URL}/chat/"
    language = words.language_of(person)
    card = words.plain(words.IN_WEB_CHAT, language, who=str(person), url=url)
    told = to_message(message, "notice", card, now=now, language=language)
    return [_in_web_chat(answer, person), told]


def _name_asker(answer: Delivery, message: Message, person: Person | None) -> bool:
    """Put the owner's name on the platform in place of the schedule's; False when they have none.

    In a private chat nobody has to be named, but where the platform writes to people.
    """
    if answer.chat_type == "private":
        answer.private_to = _who_is_there(message.conversation)
        return True
    names = person.bindings.filter(bot=message.bot_id).order_by("pk") if person else None
    name = names.values_list("external_id", flat=True).first() if names is not None else None
    if answer.private_to and name:
        answer.private_to = name
    return bool(name)


def mention(answer: Delivery, message: Message, person: Person) -> None:
    """Let an answer in a group alert the person who asked."""
    if answer.chat_type == "private" or answer.private_to or message.origin != "im":
        return  # alone with the bot, or nobody who could be named there
    name = message.sender_name or str(person)
    answer.context = {**answer.context, "mention": message.sender_id, "mention_name": name}


def _nobody_waits(job: Job) -> bool:
    """`say` ended with the question whether to go on."""
    asked = job.message is not None and job.message.origin == "cli"
    return asked and Approval.objects.filter(job=job).exists()


def _in_web_chat(answer: Delivery, person: Person) -> Delivery:
    """Move an answer to where the person will see it."""
    chat = conversations.own(person)
    answer.bot_id, answer.conversation_id = chat.bot_id, chat.pk
    answer.chat_id, answer.chat_type = chat.chat_id, chat.chat_type
    answer.reply_to = answer.in_reply_to = answer.private_to = ""
    answer.context = spoken(words.language_of(person))
    return answer
