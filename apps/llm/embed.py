"""Vectors of texts, over OpenAI's `POST /embeddings`, which all providers copy that have any."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

from apps.core.i18n import both
from apps.llm.errors import BadAnswer
from apps.llm.shapes import Usage
from apps.llm.target import Target
from apps.llm.wire.answers import sum_of
from apps.llm.wire.calling import posted
from apps.llm.wire.limits import deadline_of, within
from apps.llm.wire.line import Line, line_of
from apps.llm.wire.tokens import estimate, told

PATH = "/embeddings"


async def embed(target: Target, texts: Sequence[str]) -> list[list[float]]:
    """The vector of each text, in their order. Raises `ModelError`."""
    return (await measured(target, texts))[0]


async def measured(target: Target, texts: Sequence[str]) -> tuple[list[list[float]], Usage]:
    """The vectors, and what they cost. Sent in as many requests as the provider's limit wants; the
    target's timeout is for all of them together. Raises `ModelError`."""
    line = line_of(target)
    deadline = deadline_of(target)
    vectors: list[list[float]] = []
    usage = Usage()
    async with within(target, deadline):
        for start in range(0, len(texts), line.quirks.batch):
            batch = texts[start : start + line.quirks.batch]
            # An empty text is refused by most; a blank one has a vector, too.
            body = {"model": target.model, "input": [text or " " for text in batch]}
            found = await posted(line, line.url(PATH), body, deadline)
            vectors += _vectors(line, found, len(batch))
            usage = sum_of(usage, _usage(found, batch))
    if len({len(vector) for vector in vectors}) > 1:
        raise _unusable(line, "vectors of different lengths")
    return vectors, usage


def _vectors(line: Line, found: dict[str, Any], wanted: int) -> list[list[float]]:
    try:
        data = sorted(found["data"], key=lambda one: int(one["index"]))
        vectors = [[float(number) for number in one["embedding"]] for one in data]
    except (LookupError, TypeError, ValueError) as error:
        raise _unusable(line, f"an unknown shape: {error!r}") from error
    if len(vectors) != wanted or not all(vectors):
        raise _unusable(line, f"{len(vectors)} vectors for {wanted} texts")
    if not all(map(math.isfinite, itertools.chain.from_iterable(vectors))):
        raise _unusable(line, "a vector that is no number")
    return vectors


def _usage(found: dict[str, Any], texts: Sequence[str]) -> Usage:
    used = found.get("usage")
    count = used.get("prompt_tokens") if isinstance(used, dict) else None
    if told(count) and count > 0:
        return Usage(count)
    return Usage(sum(map(estimate, texts)), known=False)


def _unusable(line: Line, detail: str) -> BadAnswer:
    why = both("向量无法使用", "its vectors cannot be used")
    return BadAnswer(detail, model=line.target.name, why=why)
