"""What a recogniser finds, and how overlaps are settled."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

#: The kinds that the masks know. Of two finds of the same place, the kind named first wins.
KINDS = (
    *("API_KEY", "SECRET", "CN_ID", "CN_USCC", "BANK_CARD", "PASSPORT", "PHONE", "EMAIL", "IP"),
    *("PLATE", "ADDRESS", "NAME"),
)
#: What was in the text and looks like a placeholder of ours.
LITERAL = "TEXT"
_RANK = {kind: rank for rank, kind in enumerate(KINDS, start=1)}


class Span(NamedTuple):
    """`text[start:end]` is of that kind."""

    start: int
    end: int
    kind: str


def settle(found: Iterable[Span]) -> list[Span]:
    """Spans in order without overlaps that together cover all that was found.

    The longer of two wins, then the kind; what of the other sticks out stays masked as its kind.
    """
    kept: list[Span] = []
    for group in _overlapping(sorted(set(found))):
        kept.extend(group if len(group) == 1 else _parts(group))
    return kept


def _overlapping(spans: list[Span]) -> Iterator[list[Span]]:
    """Spans in groups that touch no other group."""
    group: list[Span] = []
    end = 0
    for span in spans:
        if group and span.start >= end:
            yield group
            group = []
        group.append(span)
        end = max(end, span.end) if len(group) > 1 else span.end
    if group:
        yield group


def _parts(group: list[Span]) -> list[Span]:
    """Each its place, the best first; of the others what is left of theirs."""
    free = [(group[0].start, max(span.end for span in group))]
    taken: list[Span] = []
    for span in sorted(group, key=_best):
        left = []
        for start, end in free:
            low, high = max(start, span.start), min(end, span.end)
            if low >= high:
                left.append((start, end))
                continue
            taken.append(Span(low, high, span.kind))
            left += [piece for piece in ((start, low), (high, end)) if piece[0] < piece[1]]
        free = left
    return sorted(taken)


def _best(span: Span) -> tuple[int, int, int]:
    return (span.start - span.end, _RANK.get(span.kind, 0), span.start)
