"""What is special about words that were spoken, or that somebody only passed on: before they change
anything the asker is shown what was understood, and confirms it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from apps.assistant import needs, words
from apps.assistant.case import Case
from apps.assistant.heard import forwarded, spoken
from apps.assistant.models import Message
from apps.assistant.understand import OFFER, Offer, Understood
from apps.core.i18n import both
from apps.im import cards
from apps.im.cards import Card
from apps.skills.base import Skill, registry
from apps.skills.names import fold

MOST_OFFERS = 3
#: A voice can be recorded and played again: these want a hand.
BY_HAND = frozenset({"approve", "deny"})
TYPE_IT = both(
    "批准和拒绝不接受语音，请点按钮或打字。",
    "Approving and denying is not done by voice: click the button or type it.",
)
NOT_PASSED_ON = both(
    "转发的话不能用来批准或拒绝，请点按钮或自己打字。",
    "Approving and denying is not done by words that were passed on: click the button or type it.",
)
UNSURE = both("没有十足把握，所以没有执行。", "I am not sure enough, so nothing was run.")
DO_IT = both("就是这个", "Yes, that")


def judge(case: Case) -> None:
    """Take back what must not be done by voice, or not on so little evidence."""
    found = case.understood
    if found is None or not case.open or not (spoken(case.message) or forwarded(case.message)):
        return
    if found.skill is not None and found.skill.name in BY_HAND:
        text = TYPE_IT if spoken(case.message) else NOT_PASSED_ON
        case.answer(words.plain(text, case.language), reason="by_hand")
    elif not spoken(case.message):
        return
    elif found.skill is not None and not sure(case.message):
        offer = Offer(DO_IT, case.message.text.strip(), found.skill.name)
        case.answer(_unsure(offer, case.language), reason="unsure")
    elif found.skill is None:
        case.understood = _with_homophones(case, found)


def confirms(message: Message, skill: Skill, parameters: Mapping[str, Any]) -> str:
    """`confirm` when the asker has to see first what was heard, or what was passed on: it would
    change something, or say where to or what with."""
    if not (spoken(message) or forwarded(message)):
        return ""
    return "confirm" if skill.writes or needs.guarded(skill, parameters) else ""


def sure(message: Message) -> bool:
    """Was it typed, or heard without doubt?"""
    heard = message.payload.get("heard") or {}
    return heard.get("sure") is not False


def _unsure(offer: Offer, language: str) -> Card:
    button = cards.Button(offer.label.in_(language), offer.cmd, "primary")
    return Card("", "orange", (cards.Text(UNSURE.in_(language)),), (button,))


def _with_homophones(case: Case, found: Understood) -> Understood:
    """Offer, too, the skills whose names sound like what was heard."""
    assert case.rights is not None  # noqa: S101 - understood with them
    known = {offer.skill for offer in found.offers}
    alike = [
        one
        for one in registry().values()
        if not one.hidden
        and one.name not in known
        and case.rights.allows(one.permission)
        and _sounds(fold(case.message.text)) in _sounds_of(one)
    ]
    offers = [Offer(OFFER.format(zh=one.zh, name=one.name), f"/{one.name}", one.name)
              for one in alike]  # fmt: skip
    if not offers:
        return found
    return replace(found, stage="nearest", offers=(*offers, *found.offers)[:MOST_OFFERS])


@lru_cache(maxsize=512)
def _sounds(text: str) -> str:
    """Pinyin without tones; Whisper mistakes a word mostly for another that sounds the same."""
    if text.isascii() or len(text) > 20:
        return text
    from pypinyin import lazy_pinyin

    return " ".join(lazy_pinyin(text))


def _sounds_of(skill: Skill) -> set[str]:
    said = [*skill.words, *(phrase.zh for phrase in skill.phrases if "{" not in phrase.zh)]
    return {_sounds(fold(one)) for one in said if not one.isascii()}
