"""Budgets of tokens and money: the estimate is reserved before a call, what it took is kept after.

held = budgets.reserve(person_id, row, tokens_in, max_tokens, deadline_s=60)   # OverBudget
…
held.settle(usage)      # or held.release() when the call cost nothing
"""

from __future__ import annotations

from decimal import Decimal

from apps.llm.models import LanguageModel
from apps.llm.shapes import Usage


class Reservation:
    """What is held of each budget for one call; it lapses by itself soon after the deadline."""

    def settle(self, usage: Usage) -> Decimal:
        """Keep what the call took, give the rest back, and warn where a budget runs low; returns
        the cost in the model's currency. Only the first call counts."""
        raise NotImplementedError

    def release(self) -> None:
        """Give everything back: the call cost nothing. Does nothing after `settle`."""
        raise NotImplementedError


def reserve(
    person_id: int | None,
    row: LanguageModel,
    tokens_in: int,
    max_tokens: int,
    deadline_s: float = 60.0,
) -> Reservation:
    """Hold the estimate of a call in every budget that applies; all or nothing.

    `person_id` is None for the installation itself. Raises `OverBudget`, which must not fall back
    to another model. Blocks for one short transaction.
    """
    raise NotImplementedError
