"""Masks everything in a question that somebody said: texts, arguments, earlier messages, and what
tools and schemas are for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from apps.core.masking import Book, Finder, Masked, Names, fold, mask
from apps.llm.shapes import Ask, Tool, ToolCall, Turn

#: What tells the model about placeholders, when there are any.
NOTE = (
    "⟦…⟧ 里的占位符代表没有给你看的内容；需要时原样写出，不要改动或编造。"
    "Placeholders in ⟦…⟧ stand for data that you are not shown; repeat them unchanged where they "
    "are needed, and never invent one."
)
_NUMBER = 10**6  # smaller ones are nobody's phone
#: What a schema says to programs: names, that have to stay the same, and expressions.
_GRAMMAR = frozenset({"$ref", "$id", "$schema", "$anchor", "type", "format", "pattern", "required"})


class Masker:
    """Masks with one book; `counts` is how often each kind was found."""

    def __init__(self, book: Book, names: Names | None, finders: Sequence[Finder]) -> None:
        self.book = book
        self.counts: Counter[str] = Counter()
        self._names = names
        self._finders = finders

    def ask(self, ask: Ask) -> Ask:
        """The question with all its turns masked, and a note when anything was."""
        turns = tuple(map(self._turn, ask.turns))
        tools = tuple(map(self._tool, ask.tools))
        schema = None if ask.schema is None else self._schema(ask.schema)
        changed = turns != ask.turns or tools != ask.tools or schema != ask.schema
        return replace(
            ask, turns=_noted(turns) if changed else turns, tools=tools, schema=schema
        )  # fmt: skip

    def _tool(self, tool: Tool) -> Tool:
        return replace(
            tool, description=self.text(tool.description), schema=self._schema(tool.schema)
        )

    def _schema(self, value: Any) -> Any:
        """A schema with what it says masked; the names of properties stay."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {
                key: one if key in _GRAMMAR and not isinstance(one, Mapping) else self._schema(one)
                for key, one in value.items()
            }
        return [self._schema(one) for one in value] if isinstance(value, list | tuple) else value

    def _turn(self, turn: Turn) -> Turn:
        return replace(
            turn, text=self.text(turn.text),
            calls=tuple(self._call(call) for call in turn.calls),
            raw=None if turn.raw is None else self._raw(turn.raw),
        )  # fmt: skip

    def _call(self, call: ToolCall) -> ToolCall:
        return replace(call, arguments=self._value(dict(call.arguments)))

    def text(self, said: str, around: tuple[str, str] = ("", "")) -> str:
        """One text masked."""
        return self._count(
            mask(said, names=self._names, finders=self._finders, book=self.book, around=around)
        )

    def _count(self, masked: Masked) -> str:
        self.counts.update(masked.counts)
        return masked.text

    def _value(self, value: Any, name: str = "") -> Any:
        """JSON with its texts, numbers and keys masked; a field's name tells what it holds."""
        if isinstance(value, str):
            return self.text(value, (f'{name}: "', '"') if name else ("", ""))
        if isinstance(value, bool) or value is None or isinstance(value, float):
            return value
        if isinstance(value, int):
            return self._number(value, name)
        if isinstance(value, Mapping):
            return {self.text(str(key)): self._value(one, str(key)) for key, one in value.items()}
        return [self._value(one, name) for one in value]

    def _number(self, value: int, name: str) -> int | str:
        masked = self._value(str(value), name) if abs(value) >= _NUMBER else str(value)
        return value if masked == str(value) else masked

    def _raw(self, value: Any) -> Any:
        """What a vendor said, placeholders and all: those that stand for something stay."""
        if isinstance(value, str):
            return self._placeholders_kept(value)
        if isinstance(value, Mapping):
            return {key: self._raw(one) for key, one in value.items()}
        return [self._raw(one) for one in value] if isinstance(value, list | tuple) else value

    def _placeholders_kept(self, said: str) -> str:
        pieces, begin = [], 0
        for start, end in self.book.literals(fold(said)):
            if said[start:end] in self.book.values:
                pieces += [self.text(said[begin:start]), said[start:end]]
                begin = end
        return "".join((*pieces, self.text(said[begin:])))


def _noted(turns: tuple[Turn, ...]) -> tuple[Turn, ...]:
    """The note in the first system turn: some models take one only, at the start."""
    first = turns[0]
    if first.role == "system":
        return (replace(first, text=f"{first.text}\n\n{NOTE}"), *turns[1:])
    return (Turn("system", NOTE), *turns)
