"""Takes what is personal or secret out of a text, and puts it back into the answer.

    masked = mask("打给 13800138000")
    masked.text                         # "打给 ⟦PHONE_1⟧"
    masked.restore("已打给⟦PHONE_1⟧")    # "已打给13800138000"

Pure: no database, no clock. `masks/` holds one recogniser a file; all of them read a folded text
(full-width digits, odd dashes and spaces as ASCII) of the same length, so that offsets are those
of the text as it was given. Everything is linear in the length of the text.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from apps.core.masks import (
    addresses_ip,
    cards,
    cn_id,
    echoes,
    emails,
    en_places,
    keys,
    labelled_names,
    numbers,
    papers,
    phones,
    phones_abroad,
    plates,
    secret_values,
    uscc,
    zh_places,
)
from apps.core.masks.book import Book, Streamer
from apps.core.masks.directory import Names
from apps.core.masks.fold import fold
from apps.core.masks.found import KINDS, LITERAL, Span, settle

__all__ = [
    "KINDS",
    "LITERAL",
    "Book",
    "Finder",
    "Masked",
    "Names",
    "Span",
    "Streamer",
    "fold",
    "mask",
]

#: A recogniser of one's own: the spans of a folded text.
Finder = Callable[[str], Iterable[Span]]

_FINDERS: tuple[Finder, ...] = (
    keys.find, secret_values.find, emails.find, uscc.find, phones_abroad.find, papers.find,
    plates.find, addresses_ip.find, zh_places.find, en_places.find, labelled_names.find,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Masked:
    """A text without what was found in it. `spans` are those of the text as it was given."""

    text: str
    spans: tuple[Span, ...]
    book: Book

    @property
    def counts(self) -> dict[str, int]:
        """How often each kind was found."""
        return dict(Counter(span.kind for span in self.spans))

    def restore(self, answer: str) -> str:
        """An answer with the originals where it repeats a placeholder, misspelt ones too."""
        return self.book.restore(answer)

    def unknown(self, answer: str) -> tuple[str, ...]:
        """The placeholders of an answer that stand for nothing."""
        return self.book.unknown(answer)


def mask(
    text: str,
    *,
    names: Names | None = None,
    finders: Sequence[Finder] = (),
    book: Book | None = None,
    around: tuple[str, str] = ("", ""),
) -> Masked:
    """Mask a text: `names` are known people, `finders` find more, `book` goes on with the
    placeholders of a conversation. `around` is what stands before and after it and tells what it
    is, such as a field's name.

    What already looks like a placeholder becomes one of kind `TEXT`, so that restoring gives back
    exactly the text. `restore(mask(x).text) == x` for every x.
    """
    book = Book() if book is None else book
    before, after = around
    folded = fold(before + text + after)
    spans = settle(_found(folded, names, finders))
    if before or after:
        spans = _within(spans, len(before), len(before) + len(text))
        folded = fold(text)
    literals = [Span(start, end, LITERAL) for start, end in book.literals(folded)]
    places = settle([*spans, *literals]) if literals else spans
    if places:
        places = sorted([*places, *echoes.find(text, places)])
    return Masked(_put(text, places, book), tuple(spans), book)


def _found(folded: str, names: Names | None, finders: Sequence[Finder]) -> Iterator[Span]:
    groups = numbers.groups(folded)
    if groups:
        windows = list(numbers.windows(folded, groups))
        yield from phones.find(folded, windows)
        if windows:
            yield from cn_id.find(folded, windows)
            yield from cards.find(folded, windows)
    for find in (*_FINDERS, *finders):
        yield from find(folded)
    if names:
        yield from names.find(folded)


def _within(spans: Iterable[Span], start: int, end: int) -> list[Span]:
    """What of the spans is in that part of a text, as seen from its start."""
    return [
        Span(max(one.start, start) - start, min(one.end, end) - start, one.kind)
        for one in spans
        if one.start < end and one.end > start
    ]


def _put(text: str, places: Iterable[Span], book: Book) -> str:
    pieces, begin = [], 0
    for start, end, kind in places:
        pieces += [text[begin:start], book.token(kind, text[start:end])]
        begin = end
    return "".join((*pieces, text[begin:]))
