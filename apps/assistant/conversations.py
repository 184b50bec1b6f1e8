"""A person's own conversation: where the web chat talks, and where what comes later is said."""

from __future__ import annotations

from apps.accounts.models import Person
from apps.assistant.models import Conversation
from apps.im.models import Bot

BOT = "web"
#: Begins the chat of a click that does not say where it was; it is answered where its card is.
NOWHERE = "nowhere:"


def own(person: Person) -> Conversation:
    """Return the person's conversation with the web bot, made at first need.

    Raises ``Bot.DoesNotExist`` before the first start has made the bot.
    """
    bot = Bot.objects.get(slug=BOT)
    found, _ = Conversation.objects.get_or_create(bot=bot, chat_id=f"person:{person.pk}")
    return found
