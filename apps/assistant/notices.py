"""Words to a person that nobody asked for: they go to the person's own web chat."""

from __future__ import annotations

from collections.abc import Iterable

from apps.accounts.models import Person
from apps.assistant import conversations, reply, words
from apps.core.clock import utcnow
from apps.core.i18n import Text
from apps.im import cards, delivery
from apps.im.models import Delivery


def tell(people: Iterable[Person], text: Text) -> None:
    """Tell each of them, in the caller's transaction; the sweeper sends it."""
    delivery.create([_notice(person, text) for person in people], take=False)


def _notice(person: Person, text: Text) -> Delivery:
    chat, language, now = conversations.own(person), words.language_of(person), utcnow()
    card = words.plain(text, language)
    return Delivery(
        bot_id=chat.bot_id, conversation_id=chat.pk, role="notice", lane="interactive",
        chat_id=chat.chat_id, chat_type=chat.chat_type, context=reply.spoken(language),
        card=card.to_json(), text=cards.to_text(card, language), not_before=now, created_at=now,
    )  # fmt: skip
