"""The same values where nothing recognised them: once masked, a value is masked all over."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from apps.core.masks.found import LITERAL, Span

_SHORTEST = 4
_FEW = 200
_TAKEN = "\0"


def find(text: str, places: Sequence[Span]) -> Iterator[Span]:
    """Where else in a text the values of these places stand.

    Values of fewer than 4 characters, or 2 Chinese ones, are left alone: they are in other words.
    """
    kinds = {text[start:end]: kind for start, end, kind in places if kind != LITERAL}
    kinds = {value: kind for value, kind in kinds.items() if _long(value)}
    rest = _without(text, places)
    if len(kinds) <= _FEW:
        yield from _one_by_one(rest, kinds)
    else:
        yield from _together(rest, kinds)


def _long(value: str) -> bool:
    size = _SHORTEST if value.isascii() else 2
    return len(value) >= size and _TAKEN not in value


def _without(text: str, places: Sequence[Span]) -> str:
    """The text with NUL in those places, so that offsets stay true."""
    pieces, begin = [], 0
    for start, end, _ in places:
        pieces += [text[begin:start], _TAKEN * (end - start)]
        begin = end
    return "".join((*pieces, text[begin:]))


def _one_by_one(rest: str, kinds: Mapping[str, str]) -> Iterator[Span]:
    for value in sorted(kinds, key=len, reverse=True):
        place = rest.find(value)
        while place >= 0:
            end = place + len(value)
            yield Span(place, end, kinds[value])
            rest = rest[:place] + _TAKEN * len(value) + rest[end:]
            place = rest.find(value, end)


def _together(rest: str, kinds: Mapping[str, str]) -> Iterator[Span]:
    """By their first two characters, in a time that does not grow with the number of values."""
    starts: dict[str, list[str]] = {}
    for value in sorted(kinds, key=len, reverse=True):
        starts.setdefault(value[:2], []).append(value)
    by_size = {first: {len(one) for one in values} for first, values in starts.items()}
    place, last = 0, len(rest) - 1
    while place < last:
        sizes = by_size.get(rest[place : place + 2], ())
        end = next(
            (place + n for n in sorted(sizes, reverse=True) if rest[place : place + n] in kinds), 0
        )
        if end > place:
            yield Span(place, end, kinds[rest[place:end]])
        place = end or place + 1
