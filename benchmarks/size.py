"""How much is measured."""

from __future__ import annotations

from dataclasses import dataclass

#: People who are bound to the bot of every benchmark.
FEW = 64


@dataclass(frozen=True)
class Size:
    """Messages for each load, and how often each is repeated."""

    messages: int = 1600
    rounds: int = 3
    full: bool = False
