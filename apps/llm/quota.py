"""Budgets of tokens and money: reserved before a call, settled after it."""

from __future__ import annotations

from dataclasses import dataclass

from apps.llm.models import LanguageModel
from apps.llm.shapes import Ask, Purpose, Usage


@dataclass(slots=True)
class Reservation:
    """What a call may cost at most; ends with `settle` or `release`."""

    def settle(self, usage: Usage) -> None:
        """Count what it did cost."""

    def release(self) -> None:
        """Nothing was used."""


def reserve(row: LanguageModel, ask: Ask, purpose: Purpose) -> Reservation:
    """Reserve for one call. Raises when a budget is used up."""
    return Reservation()
