"""Names that are known: those of a company's people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from apps.core.masks.fold import fold, lower
from apps.core.masks.found import Span

_SHORTEST_LATIN = 3


class Names:
    """A list of names to be found in any text, in a time that does not grow with the list.

    Names of fewer than 2 characters, or 3 Latin ones, are left out: they are in every sentence.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._by_start: dict[str, dict[int, set[str]]] = {}
        for name in names:
            self._add(lower(fold(" ".join(name.split()))))

    def _add(self, name: str) -> None:
        if len(name) < (_SHORTEST_LATIN if name.isascii() else 2) or name.isdigit():
            return
        self._by_start.setdefault(name[:2], {}).setdefault(len(name), set()).add(name)

    def __bool__(self) -> bool:
        return bool(self._by_start)

    def find(self, folded: str) -> Iterator[Span]:
        """The longest name at each place; a Latin one only as a word of its own."""
        text = lower(folded)
        place, last = 0, len(text) - 1
        while place < last:
            sizes = self._by_start.get(text[place : place + 2])
            end = self._end(text, place, sizes) if sizes else 0
            if end:
                yield Span(place, end, "NAME")
            place = end or place + 1

    def _end(self, text: str, place: int, sizes: dict[int, set[str]]) -> int:
        for size in sorted(sizes, reverse=True):
            end = place + size
            if text[place:end] in sizes[size] and _alone(text, place, end):
                return end
        return 0


def _alone(text: str, start: int, end: int) -> bool:
    return not (
        (_latin(text[start]) and start > 0 and _latin(text[start - 1]))
        or (_latin(text[end - 1]) and end < len(text) and _latin(text[end]))
    )


def _latin(one: str) -> bool:
    return one == "_" or (one.isascii() and one.isalnum()) or "\u00c0" <= one <= "\u024f"
