"""Cards around what a language model said or chose; they say that it was one."""

from __future__ import annotations

from dataclasses import replace

from apps.assistant import plan_words, words
from apps.assistant.understand import Understood
from apps.core.i18n import both
from apps.im import cards
from apps.im.cards import Block, Card
from apps.skills import ai_label
from apps.skills.ports import Written

NO_HELP = both("语言模型没能帮上忙：{why}", "The language model could not help: {why}")


def answered(text: str, model: str, language: str) -> Card:
    """A model's own words. Plain text: what it writes draws no links and calls nobody."""
    return ai_label.card(Written(text, model=model), language)


def not_helped(text: str, found: Understood, language: str) -> Card:
    """What is offered without a model, and in one line why it did not help."""
    offers = [(one.label.in_(language), one.cmd) for one in found.offers]
    card = words.offers(text, offers, language)
    if found.note is None:
        return card
    why = NO_HELP.in_(language).format(why=found.note.in_(language))
    return replace(card, blocks=(*card.blocks, cards.Text(why)))


def with_line(card: Card, line: Block) -> Card:
    """The card, beginning with this line."""
    return replace(card, blocks=(line, *card.blocks))


def proposed(card: Card, skill: str, parameters: dict[str, object], language: str) -> Card:
    """The answer of a job that a model chose, beginning with what it took the words for."""
    return with_line(card, plan_words.understood(skill, parameters, language))
