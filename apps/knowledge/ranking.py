"""Passages by the words of a question: BM25 over what the asker may read, and nothing else.

Both databases only say which passages hold a word; the ranking is ours, so that it is the same on
both and counts no document that the asker may not see.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from apps.knowledge import index
from apps.knowledge.models import Chunk
from apps.knowledge.words import Sought

K1, B = 1.2, 0.6
#: So many of the most promising passages are looked at closely.
CANDIDATES = 80
#: A pair of characters that no passage holds is more often the border of two words than a word.
UNKNOWN = 0.8
#: What a word more in the question's own order adds, of that word's weight.
PHRASE = 0.35


@dataclass(frozen=True, slots=True)
class Ranked:
    """A passage, how well it fits, and how much of the question it speaks of (0 to 1)."""

    key: int
    score: float
    coverage: float


def by_words(question: Sequence[Sought], collections: Sequence[int], total: int) -> list[Ranked]:
    """The best passages of these collections, which hold `total` of them; best first."""
    holders = {one.word: index.having(one.word, collections) for one in question}
    weights = {word: _weight(word, len(keys), total) for word, keys in holders.items()}
    promise: dict[int, float] = defaultdict(float)
    for word, keys in holders.items():
        for key in keys:
            promise[key] += weights[word]
    best = sorted(promise, key=lambda key: (-promise[key], key))[:CANDIDATES]
    rows = Chunk.objects.filter(pk__in=best).values_list("pk", "words")
    passages = {key: words.split(" ") for key, words in rows}
    usual = sum(map(len, passages.values())) / max(len(passages), 1)
    found = [
        Ranked(key, _score(words, question, weights, usual), _coverage(words, question, weights))
        for key, words in passages.items()
    ]
    return sorted(found, key=lambda one: (-one.score, one.key))


def _weight(word: str, holders: int, total: int) -> float:
    """Inverse document frequency, as BM25 has it."""
    idf = math.log(1 + (total - holders + 0.5) / (holders + 0.5))
    return idf if holders or word.isascii() else UNKNOWN * idf


def _score(
    words: list[str], question: Sequence[Sought], weights: dict[str, float], usual: float
) -> float:
    norm = K1 * (1 - B + B * len(words) / max(usual, 1))
    score = 0.0
    for one in question:
        count = _count(words, one.word)
        score += weights[one.word] * count * (K1 + 1) / (count + norm)
    return score + PHRASE * _longest_run(words, question, weights)


def _count(words: list[str], wanted: str) -> int:
    if wanted.endswith("*"):
        return sum(word.startswith(wanted[:-1]) for word in words)
    return words.count(wanted)


def _longest_run(words: list[str], question: Sequence[Sought], weights: dict[str, float]) -> float:
    """The weight of the longest piece of the question that stands there in its own order."""
    order = {one.word: place for place, one in enumerate(question)}
    best = run = 0.0
    before = -2
    for word in words:
        place = order.get(word, -2)
        run = run + weights[word] if place == before + 1 and place > 0 else 0.0
        best, before = max(best, run), place
    return best


def _coverage(words: list[str], question: Sequence[Sought], weights: dict[str, float]) -> float:
    """How much of the question is there, by its characters and words; rare ones weigh more.

    A pair of characters across two words of the question is rare everywhere: a character weighs as
    much as the commonest pair that it is in.
    """
    weigh: dict[int, float] = {}
    there: set[int] = set()
    held = set(words)
    for one in question:
        for unit in one.units:
            weigh[unit] = min(weigh.get(unit, math.inf), weights[one.word])
        if one.word in held or (one.word.endswith("*") and _count(words, one.word)):
            there.update(one.units)
    whole = sum(weigh.values())
    return sum(weigh[unit] for unit in there) / whole if whole else 0.0
