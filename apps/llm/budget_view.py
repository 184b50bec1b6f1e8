"""What a person used and what is left to them, for `/usage`, the console and the commands."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from django.db.models import Sum

from apps.core.i18n import Text
from apps.llm import budget_books as books
from apps.llm import budget_scope, budget_words
from apps.llm.budget_books import Bound
from apps.llm.budget_models import Budget, BudgetUse, Spend
from apps.llm.budget_periods import end_of, start_of, today
from apps.llm.budget_scope import Payer


@dataclass(frozen=True, slots=True)
class Standing:
    """One budget as it stands now; `bounds` are its limits with what is used and held."""

    budget: Budget
    name: Text
    bounds: tuple[Bound, ...]
    until: datetime


@dataclass(frozen=True, slots=True)
class Used:
    """Tokens, and money by currency."""

    tokens: int
    money: dict[str, Decimal]


def used(person_id: int, period: str) -> Used:
    """What a person used this `day` or `month`."""
    day = today()
    rows = Spend.objects.filter(person=person_id, day__gte=start_of(period, day), day__lte=day)
    by_currency = rows.values_list("currency").annotate(
        Sum("tokens_in"), Sum("tokens_out"), Sum("money")
    )
    found = list(by_currency.order_by("currency"))
    tokens = sum(one + other for _, one, other, _ in found)
    return Used(tokens, {currency: money for currency, _, _, money in found if money})


def standings(person_id: int | None) -> list[Standing]:
    """The budgets that apply to a person, oldest first."""
    who = budget_scope.payer(person_id)
    return list(_standings(list(budget_scope.of(who)), who, today()))


def standing(budget: Budget) -> Standing:
    """One budget as it stands; of a budget of each, only how much it is."""
    return next(_standings([budget], Payer(), today()))


def _standings(budgets: list[Budget], who: Payer, day: date) -> Iterator[Standing]:
    keys = {budget.pk: books.key_of(budget, who, day) for budget in budgets}
    stored = {use.key: use for use in BudgetUse.objects.filter(key__in=keys.values())}
    held = books.held(stored.values())
    for budget in budgets:
        use = stored.get(keys[budget.pk]) or books.fresh(budget, who, day)
        use.budget = budget
        bounds = tuple(books.bounds(use, held.get(use.pk)))
        yield Standing(budget, budget_words.name(budget), bounds, end_of(budget.period, use.start))
