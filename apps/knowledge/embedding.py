"""Vectors from the embedding model behind the gateway, where there is one.

Without one, or while it does not answer, documents are found by their words alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import structlog

from apps.core.errors import ClawdbotError
from apps.core.i18n import Text, both
from apps.knowledge import vectors
from apps.knowledge.collections import Rights
from apps.knowledge.models import Chunk, Document
from apps.llm import gateway
from apps.llm.errors import NoModel
from apps.llm.models import LanguageModel
from apps.llm.shapes import Purpose

log = structlog.get_logger(__name__)
BATCH = 16
KIND = "embedding"
_NONE = both(
    "没有生成向量（{why}），只能按字词检索；可稍后重新处理",
    "it has no vectors ({why}) and is found by its words only; process it again later",
)


class WrongVectors(ClawdbotError):
    """The embedding model {model} gave no usable vectors."""

    code = "wrong_vectors"
    zh = "向量模型 {model} 没有给出可用的向量。"
    http_status = 502


class Embedder:
    """Gives vectors to the passages of one document; a model that fails is asked no more."""

    def __init__(self, row: LanguageModel | None, purpose: Purpose) -> None:
        self._row, self._purpose = row, purpose
        self.problem: Text | None = None

    @classmethod
    def of_documents(cls, document: Document) -> Embedder:
        """For indexing: the installation's own call, with its default embedding model."""
        return cls(model(), Purpose("knowledge", audience=f"document:{document.pk}"))

    def add_to(self, rows: Sequence[Chunk]) -> None:
        """Set the vectors of passages that are not stored yet."""
        for start in range(0, len(rows), BATCH):
            if self._row is None:
                return
            some = rows[start : start + BATCH]
            try:
                found = _vectors([one.text for one in some], self._purpose, self._row)
            except ClawdbotError as error:
                log.warning("knowledge.no_vectors", code=error.code)
                why = Text(error.text("zh").rstrip("。"), error.text("en").rstrip("."))
                self.problem, self._row = _NONE.format(why=why), None
                return
            for row, vector in zip(some, found, strict=True):
                row.vector, row.signs = vectors.packed(vector), vectors.signs(vector)
                row.vector_by = made_by(self._row)


def model() -> LanguageModel | None:
    """The default embedding model, if there is one."""
    try:
        return gateway.find("", KIND)
    except NoModel:
        return None


def of_question(text: str, rights: Rights, person_id: int | None) -> tuple[Any, str] | None:
    """(the question's vector, by which model): None without a model that the asker may use."""
    row = model()
    if row is None or not rights.allows(row.permission):
        return None
    try:
        (found,) = _vectors([text], Purpose("knowledge", person_id=person_id), row)
    except ClawdbotError as error:
        log.warning("knowledge.no_vectors", code=error.code)
        return None
    return found, made_by(row)


def made_by(row: LanguageModel) -> str:
    """What is kept with a vector: only those of the same model can be compared."""
    return f"{row.name}:{row.model}"[:100]


def _vectors(texts: Sequence[str], purpose: Purpose, row: LanguageModel) -> list[Any]:
    found = gateway.embed(texts, purpose, row.name)
    try:
        made = [vectors.unit(list(one)) for one in found]
    except (ValueError, TypeError) as error:
        raise WrongVectors(model=row.name) from error
    if len(made) != len(texts) or len(set(map(len, made))) != 1:
        raise WrongVectors(model=row.name)
    return made


def remembered(rows: Iterable[Chunk]) -> dict[int, Any]:
    """The vectors of passages by key."""
    return {row.pk: vectors.unpacked(bytes(row.vector)) for row in rows if row.vector}
