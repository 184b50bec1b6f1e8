"""What a person used of the models, as `/usage` shows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TypedDict

from apps.accounts.models import Person
from apps.core.i18n import Text, both
from apps.llm import budget_view
from apps.llm.budget_books import Bound
from apps.skills.ports import BudgetLeft


class Spending(TypedDict):
    """The part of `ports.Usage` that the model layer knows."""

    tokens_today: int
    tokens_month: int
    money_today: Mapping[str, Decimal]
    money_month: Mapping[str, Decimal]
    budgets: Sequence[BudgetLeft]


def of(person: Person) -> Spending:
    """What a person used today and this month, and what is left of each budget."""
    today, month = (budget_view.used(person.pk, period) for period in ("day", "month"))
    return Spending(
        tokens_today=today.tokens,
        tokens_month=month.tokens,
        money_today=today.money,
        money_month=month.money,
        budgets=[
            BudgetLeft(one.name, _together(one.bounds, "used"), _together(one.bounds, "left"),
                       one.until)
            for one in budget_view.standings(person.pk)
        ],
    )  # fmt: skip


def _together(bounds: Sequence[Bound], which: str) -> Text:
    """Tokens and money in one phrase."""
    said = [one.said(one.used if which == "used" else one.left) for one in bounds]
    return both(*(" + ".join(text.in_(lang) for text in said) for lang in ("zh", "en")))
