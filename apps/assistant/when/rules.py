"""How a rule is written: a pattern, and a function that makes pieces of what it matched."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from apps.assistant.when.pieces import Pieces

Match = re.Match[str]
Maker = Callable[[Match], Pieces | None]

MORE = "{0,12}"
"""How many more items a list may have; the bound keeps the cost of a long text linear."""


@dataclass(slots=True)
class Rules:
    """A list of rules; `around` wraps each pattern, for what holds for a whole language."""

    around: str = "{}"
    compiled: list[tuple[re.Pattern[str], Maker]] = field(default_factory=list)

    def rule(self, pattern: str) -> Callable[[Maker], Maker]:
        """Register the decorated maker; it returns None when a match is not its rule after all."""

        def register(maker: Maker) -> Maker:
            self.add(pattern, maker)
            return maker

        return register

    def always(self, pattern: str, *pieces: Pieces) -> None:
        """Register a pattern that always means the same; several meanings are all tried."""
        for meaning in pieces:
            self.add(pattern, _constant(meaning))

    def add(self, pattern: str, maker: Maker) -> None:
        """Register one rule."""
        wrapped = self.around.replace("{}", f"(?:{pattern})")
        self.compiled.append((re.compile(wrapped), maker))

    def at(self, text: str, start: int) -> list[tuple[Pieces, int]]:
        """What the rules can make of `text` from `start` on, each with where it ends."""
        readings = []
        for pattern, maker in self.compiled:
            match = pattern.match(text, start)
            if match is not None and (pieces := maker(match)) is not None:
                readings.append((pieces, match.end()))
        return readings


def _constant(pieces: Pieces) -> Maker:
    return lambda _match: pieces
