"""What was said before, per person and chat: within a budget of tokens, with an end, and theirs.

In a private chat it is kept, in a group only where somebody switched it on. `/new` forgets the
chat, `/memory` shows and deletes. Texts are encrypted; a person's rows go with the person.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet

from apps.accounts import authz
from apps.accounts.models import Person
from apps.assistant.models import Conversation, Remembered
from apps.audit import log as audit
from apps.audit.log import Actor
from apps.core import crypto
from apps.core.i18n import both
from apps.llm import mask_maps
from apps.llm.shapes import Turn

LIFE = timedelta(days=7)
#: What a model is told of it at most.
BUDGET = 2000
#: Of one question, and of one answer, in characters.
LONGEST = 2000
MOST_ROWS = 40
SWITCH = "memory.groups"

#: What stands for an answer that a planner may not read.
WITHHELD = both(
    "（回答了，内容来自他人的材料，此处不重复）",
    "(answered from material of others, which is not repeated here)",
)
EARLIER = both("更早时说过：{text}", "Earlier: {text}")


def on(conversation: Conversation) -> bool:
    """Is anything kept in this chat?"""
    return conversation.chat_type == "private" or conversation.memory


def remember(
    person: Person,
    conversation: Conversation,
    asked: str,
    answered: str,
    now: datetime,
    *,
    outside: bool = False,
) -> None:
    """Keep a question and its answer, where anything is kept. `outside`: see `Remembered`."""
    if on(conversation):
        row = Remembered(person=person, conversation=conversation, outside=outside, created_at=now)
        _fill(row, asked[:LONGEST], answered[:LONGEST], now)


def _fill(row: Remembered, asked: str, answered: str, now: datetime) -> None:
    row.asked = crypto.encrypt(asked, _aad(row, "asked"))
    row.answered = crypto.encrypt(answered, _aad(row, "answered"))
    row.tokens = tokens_of(asked) + tokens_of(answered)
    row.expires_at = now + LIFE
    row.save()


def tokens_of(text: str) -> int:
    """About how many tokens a text has: a Chinese character one, four other characters one."""
    wide = sum(1 for letter in text if ord(letter) > 0x2E7F)
    return wide + (len(text) - wide + 3) // 4


def recall(
    person: Person, conversation: Conversation, now: datetime, *, budget: int = BUDGET
) -> list[Turn]:
    """The newest of it within `budget` tokens, oldest first, for a model that plans: what others
    wrote is left out. One query, none where nothing is kept."""
    if not on(conversation):
        return []
    turns: list[Turn] = []
    for row in _newest(person, conversation, now):
        budget -= row.tokens
        if budget < 0:
            break
        turns = [*_turns(row), *turns]
    return turns


def _turns(row: Remembered) -> list[Turn]:
    asked, answered = texts(row)
    if row.summary:
        return [Turn("user", EARLIER.format(text=answered).zh)]
    said = WITHHELD.zh if row.outside else answered
    return [Turn("user", asked), Turn("assistant", said)]


def _newest(person: Person, conversation: Conversation, now: datetime) -> QuerySet[Remembered]:
    rows = Remembered.objects.filter(person=person, conversation=conversation, expires_at__gt=now)
    if conversation.fresh_since is not None:
        rows = rows.filter(created_at__gte=conversation.fresh_since)
    return rows.order_by("-pk")[:MOST_ROWS]


def texts(row: Remembered) -> tuple[str, str]:
    """(asked, answered) in clear. Raises `SecretError`."""
    return (
        crypto.decrypt(row.asked, _aad(row, "asked")),
        crypto.decrypt(row.answered, _aad(row, "answered")),
    )


def shown(person: Person, conversation: Conversation, now: datetime) -> list[tuple[str, str]]:
    """(asked, answered) pairs for the person, oldest first."""
    return [texts(row) for row in _newest(person, conversation, now)][::-1]


def forget(person: Person, conversation: Conversation | None) -> int:
    """Delete what is remembered of a person, in one chat or (None) in all; returns how many."""
    rows = Remembered.objects.filter(person=person)
    if conversation is not None:
        rows = rows.filter(conversation=conversation)
    with transaction.atomic():
        chats = set(rows.values_list("conversation", flat=True))
        if conversation is not None and conversation.chat_type == "private":
            chats.add(conversation.pk)
        for chat in chats:  # what stands for what in what a model was told
            mask_maps.forget(f"chat:{chat}")
        count, _ = rows.delete()
        if count:
            data = {"rows": count, "chat": conversation.pk if conversation else "all"}
            who = Actor.person(person)
            obj = ("person", person.pk, person.name)
            audit.record("memory.forgotten", actor=who, obj=obj, outcome="done", data=data)
    return count


def switch(conversation: Conversation, value: bool, person: Person) -> None:
    """Keep (or no longer) what people say to the assistant in a group; off deletes what was kept.

    Raises `Forbidden` for who lacks `memory.groups`.
    """
    authz.require(person, SWITCH)
    with transaction.atomic():
        Conversation.objects.filter(pk=conversation.pk).update(memory=value)
        conversation.memory = value
        if not value:
            Remembered.objects.filter(conversation=conversation).delete()
        obj = ("conversation", conversation.pk, str(conversation))
        action = "memory.on" if value else "memory.off"
        audit.record(action, actor=Actor.person(person), obj=obj, outcome="done", data={})


def over_budget(person: Person, conversation: Conversation, now: datetime) -> list[Remembered]:
    """The older rows that no model is told any more, oldest first, once they are worth a summary.

    A summary counts, too, so that what was summed up is summed up again with the rest.
    """
    left, old = BUDGET, []
    for row in _newest(person, conversation, now):
        left -= row.tokens
        if left < 0:
            old.append(row)
    return old[::-1] if len(old) > 1 else []


def sum_up(
    person: Person, conversation: Conversation, now: datetime, write: Callable[[str], str]
) -> None:
    """Put a summary in the place of what is over the budget. `write` makes one of a text, which
    holds nothing that others wrote; it may raise, and then everything stays as it is."""
    rows = over_budget(person, conversation, now)
    if rows:
        said = [turn.text for row in rows for turn in _turns(row)]
        replace_by(rows, write("\n".join(said)), now)


def replace_by(rows: Sequence[Remembered], summary: str, now: datetime) -> None:
    """Put one summary in the place of rows; nothing when one of them is gone meanwhile."""
    keys = [row.pk for row in rows]
    with transaction.atomic():
        kept = list(Remembered.objects.select_for_update().filter(pk__in=keys).order_by("pk"))
        if len(kept) != len(keys):
            return
        first = kept[0]
        Remembered.objects.filter(pk__in=keys[1:]).delete()
        first.summary = True
        first.outside = False  # it was made of what a planner may read
        _fill(first, "", summary[:LONGEST], now)


def _aad(row: Remembered, field: str) -> str:
    return f"assistant.remembered|{row.uid}|{field}"
