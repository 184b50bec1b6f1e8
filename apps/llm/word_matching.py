"""Finds listed words as people write them: full width, other case, spaces between characters."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import re2

from apps.core.masking import fold
from apps.llm import re2_patterns

_BETWEEN = r"[\s·*._~-]{0,3}"
#: What a pattern of one's own may match at most, as far as a stream is watched.
_PATTERN_LENGTH = 200
_MEMORY = 128 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the list: its key, and an RE2 pattern."""

    key: int
    pattern: str
    longest: int


def entry(key: int, word: str, *, is_pattern: bool) -> Entry:
    """The entry of a row."""
    if is_pattern:
        return Entry(key, word, _PATTERN_LENGTH)
    pattern = word_pattern(word)
    return Entry(key, pattern, min(len(word) * 4, _PATTERN_LENGTH))


def word_pattern(word: str) -> str:
    """A word as RE2: between Chinese characters there may be spaces or dots, Latin words stand
    alone."""
    letters = fold(" ".join(word.split()))
    parts: list[str] = []
    for place, letter in enumerate(letters):
        if letter == " ":
            parts.append(r"\s{1,3}")
            continue
        if place and letters[place - 1] != " " and not (letters[place - 1] + letter).isascii():
            parts.append(_BETWEEN)
        parts.append(re2.escape(letter))
    start = r"\b" if _latin(letters[:1]) else ""
    end = r"\b" if _latin(letters[-1:]) else ""
    return f"(?i){start}{''.join(parts)}{end}"


def _latin(letter: str) -> bool:
    return letter.isascii() and letter.isalnum()


class Words:
    """The entries of one rule, looked for all at once."""

    def __init__(self, entries: tuple[Entry, ...]) -> None:
        self._entries = entries
        options = re2.Options()
        options.max_mem = _MEMORY
        options.log_errors = False
        self._all: Any = re2.compile("|".join(f"(?:{one.pattern})" for one in entries), options)
        self.longest = max(one.longest for one in entries)

    def spans(self, text: str, start: int = 0) -> Iterator[tuple[int, int]]:
        """Where a (folded) text holds any of them from `start` on; what stands before it only
        tells where a word begins."""
        for match in self._all.finditer(re2_patterns.readable(text), start):
            if match.end() > match.start():
                yield match.span()

    def first(self, text: str) -> int | None:
        """The key of an entry that a text holds."""
        folded = fold(text)
        place = next(self.spans(folded), None)
        return None if place is None else self.named(folded, place)

    def named(self, folded: str, place: tuple[int, int]) -> int:
        """The key of the entry that was found there."""
        found = re2_patterns.readable(folded)
        for one in self._entries:
            for match in re2_patterns.compiled(one.pattern).finditer(found, place[0]):
                if match.start() == place[0]:
                    return one.key
                break
        return self._entries[0].key


@functools.lru_cache(maxsize=8)
def words(entries: tuple[Entry, ...]) -> Words:
    """The same entries, compiled once."""
    return Words(entries)
