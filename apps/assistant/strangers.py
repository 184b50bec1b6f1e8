"""A sender who belongs to nobody: a pairing code in private, nothing run."""

from __future__ import annotations

from django.conf import settings

from apps.accounts import identity
from apps.assistant import words
from apps.assistant.case import Case


def greet(case: Case) -> None:
    """Conclude with the pairing answer: the code in private, in a group only `write to me`."""
    message = case.message
    language = case.language
    if message.conversation.chat_type != "private":
        card = words.plain(words.STRANGER_GROUP, language)
    else:
        code = identity.pairing_code(
            message.bot_id, message.sender_id, message.sender_name, case.now
        )
        if code is None:
            card = words.plain(words.STRANGER_AGAIN, language)
        else:
            url = f"{settings.CLAWDBOT_PUBLIC_URL}/chat/"
            card = words.plain(words.STRANGER, language, code=code, url=url)
    case.audit("stranger.refused", "refused")
    case.answer(card, state="refused", reason="unbound")
