"""What was heard is shown with every answer to a message that was spoken."""

from __future__ import annotations

from dataclasses import replace

from apps.assistant.models import Message
from apps.core.i18n import both
from apps.im import cards
from apps.im.cards import Card

KIND = "voice"
SHOWN = 300
HEARD = both("听到：{text}", "Heard: {text}")
LABEL = both("听到", "Heard")


def spoken(message: Message) -> bool:
    """Was it said, and not typed?"""
    return message.kind == KIND


def forwarded(message: Message) -> bool:
    """Are these somebody else's words, passed on? They are data, not what the sender asks for."""
    return bool((message.payload.get("extra") or {}).get("forwarded"))


def shown(message: Message) -> str:
    """What was heard, short enough for a card."""
    text = message.text.strip()
    return text if len(text) <= SHOWN else text[:SHOWN] + "…"


def with_heard(card: Card, message: Message, language: str) -> Card:
    """The card, beginning with what was heard; a typed message's as it is."""
    if not spoken(message) or not message.text.strip():
        return card
    line = cards.Text(HEARD.in_(language).format(text=shown(message)))
    return replace(card, blocks=(line, *card.blocks))
