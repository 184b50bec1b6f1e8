"""What leaves for a model is masked first, and what comes back is restored for whoever asked.

    veiled = privacy.veil(ask, purpose, row)   # before the call
    answer = veiled.restore(answer)            # after it; `veiled.streamer()` for a stream

The gateway sends and stores `veiled.ask` and the answer as it came; nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from apps.core.masking import Book, Finder, Streamer
from apps.llm import directory, mask_maps, own_patterns, wordlist
from apps.llm.errors import ModelError
from apps.llm.masking_turns import Masker
from apps.llm.models import LanguageModel
from apps.llm.shapes import Answer, Ask, Purpose, ToolCall, texts_in


class UnknownPlaceholder(ModelError):
    """The model {model} named data that nobody gave it ({token}). Please ask again."""

    code = "unknown_placeholder"
    zh = "模型 {model} 提到了没有给过它的数据（{token}），请重新提问。"


@dataclass(frozen=True, slots=True)
class Veiled:
    """A question without what must not leave. `counts`: how often each kind was masked."""

    ask: Ask
    counts: Mapping[str, int]
    book: Book = field(default_factory=Book, repr=False)

    def restore(self, answer: Answer) -> Answer:
        """The answer with the originals in its text, its calls' arguments and its data.

        `raw` stays as it came. Raises `UnknownPlaceholder` when an argument or the data holds a
        placeholder that stands for nothing: it must not be acted on.
        """
        for said in texts_in([answer.data, *(dict(call.arguments) for call in answer.calls)]):
            unknown = self.book.unknown(said)
            if unknown:
                raise UnknownPlaceholder(model=answer.model, token=unknown[0])
        return replace(
            answer, text=self.book.restore(answer.text),
            reasoning=self.book.restore(answer.reasoning),
            calls=tuple(self._call(call) for call in answer.calls), data=self._value(answer.data),
        )  # fmt: skip

    def streamer(self) -> Streamer:
        """A restorer of one stream of text, with `feed(text)` and `end()`."""
        return self.book.streamer()

    def _call(self, call: ToolCall) -> ToolCall:
        return replace(call, arguments=self._value(dict(call.arguments)))

    def _value(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.book.restore(value)
        if isinstance(value, Mapping):
            return {self._value(key): self._value(one) for key, one in value.items()}
        return [self._value(one) for one in value] if isinstance(value, list | tuple) else value


def veil(ask: Ask, purpose: Purpose, row: LanguageModel) -> Veiled:
    """Mask all turns of a question: what people, tools and the model itself said.

    The same value keeps its placeholder as long as `purpose.audience` talks. An internal model
    that is `unmasked` reads everything as it is; one elsewhere never does. Synchronous, reads and
    writes the database. Raises `MapBusy`.
    """
    own: list[tuple[str, Finder]] = own_patterns.finders()
    if row.zone != "internal":
        own += wordlist.finders()
    kinds = frozenset(kind for kind, _ in own)
    if exempt(row):
        # It is told no placeholder, so that one in its answer is somebody's guess at another's.
        return Veiled(ask, {}, Book(kinds=kinds))
    names, finders = directory.names(), [one for _, one in own]

    def work(book: Book) -> tuple[Ask, dict[str, int]]:
        masker = Masker(book, names, finders)
        masked = masker.ask(ask)
        return masked, dict(masker.counts)

    book, (masked, counts) = mask_maps.with_book(purpose.audience, kinds, work)
    return Veiled(masked, counts, book)


def exempt(row: LanguageModel) -> bool:
    """May this model read everything as it is? Never one that stands elsewhere."""
    return row.unmasked and row.zone == "internal"
