"""Stage three of understanding: which skills were perhaps meant. They are offered, never run."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import SequenceMatcher
from functools import lru_cache
from itertools import pairwise

from apps.core.i18n import Text
from apps.skills.base import Skill
from apps.skills.names import fold

SHOWN = 3
ENOUGH = 0.5
FAR = 0.25
MAX_QUERY = 60
#: A word of a sentence must be nearly right; a lone word may be further off.
NEARLY = 0.75
#: How much of a sentence's letter pairs a skill's own description must share with it.
DESCRIBED = 0.3


def nearest(text: str, skills: Iterable[Skill], *, filled: bool = False) -> list[Skill]:
    """Return up to three skills that `text` may have meant, best first; [] when none fits.

    `filled`: once one fits, the three are made full with what is less near (a misspelt command).
    """
    query = fold(text).strip(" \t\n/,.!?;:。，！？、")[:MAX_QUERY]
    if not query:
        return []
    scored = sorted(((score(query, one), one) for one in skills), key=lambda pair: -pair[0])
    if not scored or scored[0][0] < ENOUGH:
        return []
    least = FAR if filled else ENOUGH
    return [one for value, one in scored[:SHOWN] if value >= least]


def score(query: str, skill: Skill) -> float:
    """Return how near a folded query is to a skill: 1 is its name, below ENOUGH is nothing."""
    names, pairs = _traits(skill.words, (skill.summary, *skill.phrases, *skill.examples))
    return max(*(_name_score(query, name) for name in names), _description_score(query, pairs))


@lru_cache(maxsize=1024)
def _traits(words: tuple[str, ...], said: tuple[Text, ...]) -> tuple[list[str], frozenset[str]]:
    """A skill's folded names, and the pairs of what it says about itself."""
    pairs = (_pairs(fold(text.zh)) | _pairs(fold(text.en)) for text in said)
    return [fold(word) for word in words], frozenset().union(*pairs)


def _name_score(query: str, name: str) -> float:
    whole = similarity(query, name)
    inside = _inside(query, name)
    words = [similarity(word, name) for word in query.split()] if " " in query else []
    near = max(words, default=0.0)
    return max(whole, inside, near * 0.9 if near >= NEARLY and len(name) >= 3 else 0.0)


def _inside(query: str, name: str) -> float:
    """A name of two letters or more that stands in the sentence: more, the more of it it is."""
    if len(name) < 2 or name not in query:
        return 0.0
    if name.isascii() and name not in query.split():
        return 0.0
    return 0.6 + 0.4 * len(name) / len(query)


def similarity(one: str, other: str) -> float:
    """Return 0 to 1: twice the letters that both have in the same order, over all letters."""
    if one == other:
        return 1.0
    if "/" in one:
        return 0.0
    total = len(one) + len(other)
    if 2 * min(len(one), len(other)) < FAR * total:
        return 0.0
    return SequenceMatcher(None, one, other, autojunk=False).ratio()


def _description_score(query: str, known: frozenset[str]) -> float:
    """How much of the sentence is in what the skill says about itself (Chinese has no blanks)."""
    pairs = _pairs(query)
    if len(pairs) < 2:
        return 0.0
    common = len(pairs & known)
    share = common / len(pairs)
    return ENOUGH + 0.2 * share if share >= DESCRIBED and common >= 2 else 0.0


def _pairs(text: str) -> set[str]:
    """Pairs of Chinese letters, and whole Latin words of four letters or more."""
    pairs = {a + b for a, b in pairwise(text) if _han(a) and _han(b)}
    return pairs | {word for word in text.split() if word.isascii() and len(word) >= 4}


def _han(letter: str) -> bool:
    return "\u4e00" <= letter <= "\u9fff"
