"""Vectors of passages without a numeric library: float32 bytes, and one bit for each component.

The bits are compared first: the distance of two 1024-bit numbers costs 0.1 µs, the cosine of two
vectors some 30 µs. The exact cosine is taken of the nearest by bits only.
"""

from __future__ import annotations

import math
import operator
import sys
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

#: As many of the nearest by bits are compared exactly.
EXACT = 200
#: A passage that only its vector speaks for has to stand out so far, in standard deviations of the
#: distances of all that were looked at; among a few passages its cosine decides.
OUTSTANDING = 3.0
FEW = 50
ALIKE = 0.6


def unit(vector: Sequence[float]) -> array[float]:
    """The vector with length 1. Raises ValueError for what is no vector."""
    length = math.sqrt(math.fsum(x * x for x in vector))
    if not vector or not math.isfinite(length) or length == 0:
        raise ValueError("no vector")
    return array("f", (x / length for x in vector))


def packed(vector: array[float]) -> bytes:
    """As it is stored: little-endian float32."""
    return _little(vector).tobytes()


def unpacked(data: bytes) -> array[float]:
    """From what is stored."""
    vector = array("f")
    vector.frombytes(data)
    return _little(vector)


def signs(vector: Iterable[float]) -> bytes:
    """One bit for each component: is it above zero?"""
    bits = "".join("1" if x > 0 else "0" for x in vector)
    return int(bits, 2).to_bytes((len(bits) + 7) // 8, "big")


def cosine(one: array[float], other: array[float]) -> float:
    """Of two vectors of length 1."""
    return float(sum(map(operator.mul, one, other)))


@dataclass(frozen=True, slots=True)
class Near:
    """Passages by their distance in bits, nearest first, and what distance is usual."""

    keys: list[int]
    distances: list[int]
    mean: float
    deviation: float
    seen: int

    def stands_out(self, place: int, likeness: float) -> bool:
        """Does the vector of the one at `place` alone say that it is about the question?"""
        if self.seen < FEW:
            return likeness >= ALIKE
        return self.mean - self.distances[place] >= OUTSTANDING * max(self.deviation, 1e-9)


def nearest(question: bytes, rows: Iterable[tuple[int, bytes]], limit: int = EXACT) -> Near:
    """The passages (key, signs) nearest to the question's signs."""
    wanted = int.from_bytes(question, "big")
    found = [((int.from_bytes(bits, "big") ^ wanted).bit_count(), key) for key, bits in rows]
    if not found:
        return Near([], [], 0.0, 0.0, 0)
    mean = sum(distance for distance, _ in found) / len(found)
    spread = math.sqrt(sum((distance - mean) ** 2 for distance, _ in found) / len(found))
    best = sorted(found)[:limit]
    return Near([k for _, k in best], [d for d, _ in best], mean, spread, len(found))


def _little(vector: array[float]) -> array[float]:
    if sys.byteorder == "big":
        vector = vector[:]
        vector.byteswap()
    return vector
