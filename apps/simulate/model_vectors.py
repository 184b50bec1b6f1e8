"""Vectors of a stand: hashed bigrams, so that texts that share words lie near each other."""

from __future__ import annotations

import itertools
import math
import zlib
from collections.abc import Sequence
from typing import Any

SIZE = 64


def vector(text: str) -> list[float]:
    """The same text always has the same vector, of length 1."""
    found = [0.0] * SIZE
    folded = f" {text.lower()} "
    for first, second in itertools.pairwise(folded):
        found[zlib.crc32((first + second).encode()) % SIZE] += 1.0
    length = math.sqrt(sum(one * one for one in found)) or 1.0
    return [one / length for one in found]


def vectors(texts: Sequence[str], model: str) -> dict[str, Any]:
    """The answer of `POST /embeddings`; backwards, because clients must go by the index."""
    data = [
        {"object": "embedding", "index": index, "embedding": vector(text)}
        for index, text in enumerate(texts)
    ]
    used = sum(len(text) for text in texts) // 4 + 1
    usage = {"prompt_tokens": used, "total_tokens": used}
    return {"object": "list", "data": data[::-1], "model": model, "usage": usage}
