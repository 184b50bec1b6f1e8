"""Find passages: only where the asker may read, by words and, where there are vectors, by meaning.

What is not allowed takes no part: it is neither fetched nor counted, so that neither an answer nor
its order tells of it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from apps.core.i18n import Text
from apps.knowledge import collections, embedding, places, ranking, vectors, words
from apps.knowledge.collections import Rights
from apps.knowledge.models import Chunk

LIMIT = 6
#: Of one document at most.
MOST_OF_ONE = 3
#: So much of the question a passage has to speak of, or it is not about it.
ENOUGH = 0.35
#: Reciprocal rank fusion (Cormack, Clarke, Büttcher 2009): 1 / (60 + rank), summed.
FUSION = 60
LONGEST_QUESTION = 500
_FOUND = ("pk", "text", "place", "document__name", "document__collection__name", "document_id")


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage that was found; `document` and `where` are how it is cited."""

    key: int
    text: str
    document: str
    collection: str
    place: dict[str, Any]
    score: float

    @property
    def where(self) -> Text:
        """Its place in words."""
        return places.words(self.place)

    def cited(self, language: str) -> str:
        """The document and the place: handbook.pdf, page 3."""
        return f"{self.document}{'，' if language != 'en' else ', '}{self.where.in_(language)}"


def search(
    question: str, rights: Rights, *, limit: int = LIMIT, person_id: int | None = None
) -> list[Hit]:
    """The passages that answer a question best; [] when there is none that is about it.

    `person_id` is for whom an embedding model is asked.
    """
    question = question[:LONGEST_QUESTION]
    allowed = [one.pk for one in collections.readable(rights)]
    if not allowed:
        return []
    total = _ready(allowed).count()
    sought = words.of_question(question)
    ranked = ranking.by_words(sought, allowed, total) if sought and total else []
    by_words = [one.key for one in ranked if one.coverage >= ENOUGH]
    by_meaning = _by_meaning(question, rights, allowed, person_id)
    scores: dict[int, float] = defaultdict(float)
    for some in (by_words, by_meaning):
        for rank, key in enumerate(some, 1):
            scores[key] += 1 / (FUSION + rank)
    # Equally good by their ranks: as the words have them.
    order = {key: place for place, key in enumerate([*by_words, *by_meaning])}
    best = sorted(scores, key=lambda key: (-scores[key], order.get(key, 0)))
    return _hits(best, scores, limit)


def _ready(allowed: Sequence[int]) -> Any:
    return Chunk.objects.filter(document__state="ready", document__collection_id__in=allowed)


def _by_meaning(
    question: str, rights: Rights, allowed: Sequence[int], person_id: int | None
) -> list[int]:
    """The passages whose vectors are so near that they are about the question."""
    if not _ready(allowed).exclude(vector_by="").exists():
        return []
    asked = embedding.of_question(question, rights, person_id)
    if asked is None:
        return []
    vector, made_by = asked
    rows = _ready(allowed).filter(vector_by=made_by).values_list("pk", "signs")
    pairs = ((key, bytes(bits)) for key, bits in rows.iterator(chunk_size=2000))
    near = vectors.nearest(vectors.signs(vector), pairs)
    kept = embedding.remembered(Chunk.objects.filter(pk__in=near.keys).only("vector"))
    alike = [
        (vectors.cosine(vector, kept[key]), place, key)
        for place, key in enumerate(near.keys)
        if key in kept and len(kept[key]) == len(vector)
    ]
    good = [one for one in alike if near.stands_out(one[1], one[0])]
    return [key for _, _, key in sorted(good, key=lambda one: (-one[0], one[2]))]


def _hits(best: Sequence[int], scores: dict[int, float], limit: int) -> list[Hit]:
    rows = {row[0]: row for row in Chunk.objects.filter(pk__in=best).values_list(*_FOUND)}
    taken: Counter[int] = Counter()
    found: list[Hit] = []
    for key in best:
        if key not in rows or len(found) >= limit:
            continue
        _, text, place, name, collection, document = rows[key]
        taken[document] += 1
        if taken[document] <= MOST_OF_ONE:
            found.append(Hit(key, text, name, collection, place, scores[key]))
    return found
