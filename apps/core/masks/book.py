"""Which placeholder stands for what, over one conversation."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from apps.core.masks import tokens
from apps.core.masks.fold import fold
from apps.core.masks.found import KINDS, LITERAL

#: How many are kept of a conversation; the numbers of older ones are never given again.
MOST = 5000


class Book:
    """Gives the same value the same placeholder, and puts values back. Not for several threads.

    `kinds` are those beyond the usual ones, whose placeholders are known without brackets too.
    """

    def __init__(
        self,
        values: Mapping[str, str] | None = None,
        last: Mapping[str, int] | None = None,
        kinds: Iterable[str] = (),
    ) -> None:
        self.values: dict[str, str] = dict(values or {})
        self.last: dict[str, int] = dict(last or {})
        self.changed = False
        self._tokens = {value: token for token, value in self.values.items()}
        self._grammar = tokens.grammar(frozenset(kinds) | self.last.keys() - {*KINDS, LITERAL})

    def token(self, kind: str, value: str) -> str:
        """The placeholder of a value, a new one if need be."""
        known = self._tokens.get(value)
        if known is not None:
            return known
        self.last[kind] = self.last.get(kind, 0) + 1
        made = tokens.token(kind, self.last[kind])
        self.values[made], self._tokens[value] = value, made
        self.changed = True
        return made

    def newest(self) -> dict[str, str]:
        """What is worth keeping: the newest placeholders with their values."""
        return dict(list(self.values.items())[-MOST:])

    def literals(self, folded: str) -> list[tuple[int, int]]:
        """Where a text looks as if it held placeholders."""
        return self._grammar.find(folded)

    def restore(self, text: str) -> str:
        """The text with the values of all known placeholders; unknown ones stay."""
        return self.replaced(text, 0, lambda found: self.values.get(tokens.spelt(found), found))

    def unknown(self, text: str) -> tuple[str, ...]:
        """What looks like a placeholder and stands for nothing, each once."""
        found = (text[start:end] for start, end in self.literals(fold(text)))
        return tuple(dict.fromkeys(one for one in found if tokens.spelt(one) not in self.values))

    def replaced(self, text: str, start: int, put: Callable[[str], str]) -> str:
        """`text[start:]` with each placeholder replaced; what stands before `start` is looked at
        only as context."""
        folded, done, place = fold(text), [], start
        for begin, end in self._grammar.find(folded, start):
            done += [text[place:begin], put(text[begin:end])]
            place = end
        return "".join((*done, text[place:]))

    def streamer(self) -> Streamer:
        """A restorer of a text that comes in pieces."""
        return Streamer(self)


class Streamer:
    """Restores a stream: the same as all of it at once, however it is cut into pieces."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._held = ""
        self._context = ""  # what was given out last, as it came

    def feed(self, text: str) -> str:
        """Take the next piece; return what can be shown by now."""
        whole = self._held + text
        tail = max(0, len(whole) - tokens.LONGEST)
        unfinished = tokens.UNFINISHED.search(
            fold(self._context + whole), len(self._context) + tail
        )
        cut = unfinished.start() - len(self._context) if unfinished else len(whole)
        self._held = whole[cut:]
        return self._give(whole[:cut])

    def end(self) -> str:
        """The stream is over: return what was held back."""
        held, self._held = self._held, ""
        return self._give(held)

    def _give(self, text: str) -> str:
        if not text:
            return ""
        given = self._book.replaced(self._context + text, len(self._context), self._value)
        self._context = text[-1]
        return given

    def _value(self, found: str) -> str:
        return self._book.values.get(tokens.spelt(found), found)
