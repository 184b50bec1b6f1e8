"""The same values where nothing recognised them: once masked, a value is masked all over."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

_SHORTEST = 4


class Values:
    """Values to be found again in a text, in a time that does not grow with their number."""

    def __init__(self, values: Iterable[tuple[str, str]]) -> None:
        """Pairs of a value and its kind. Short ones are left out: they are in other words."""
        self._by_start: dict[str, dict[str, str]] = {}
        for value, kind in values:
            if len(value) >= _SHORTEST or (len(value) > 1 and not value.isascii()):
                self._by_start.setdefault(value[:2], {})[value] = kind

    def find(self, text: str, start: int, end: int) -> Iterator[tuple[int, int, str]]:
        """Places in `text[start:end]`, with their kinds; the longest value at each."""
        for first in self._by_start if len(self._by_start) < 8 else ():
            if text.find(first, start, end) >= 0:
                break
        else:
            if len(self._by_start) < 8:
                return
        place = start
        while place < end - 1:
            found = self._at(text, place, end)
            if found:
                yield place, found[0], found[1]
            place = found[0] if found else place + 1

    def _at(self, text: str, place: int, end: int) -> tuple[int, str] | None:
        values = self._by_start.get(text[place : place + 2], ())
        fitting = [one for one in values if text.startswith(one, place) and place + len(one) <= end]
        if not fitting:
            return None
        longest = max(fitting, key=len)
        return place + len(longest), self._by_start[longest[:2]][longest]
