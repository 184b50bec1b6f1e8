"""Budgets of tokens and money: the estimate is reserved before a call, what it took is kept after.

    held = budgets.reserve(person_id, row, tokens_in, max_tokens, deadline_s=60)   # OverBudget
    …
    held.settle(usage)      # or held.release() when the call cost nothing

A call is counted for the day and month in which it was reserved.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal

from django.db import transaction

from apps.core.i18n import Text
from apps.core.logging import get_logger
from apps.core.sql import here, light_commit
from apps.core.work import DbNow
from apps.llm import budget_books as books
from apps.llm import budget_scope, budget_words
from apps.llm.budget_books import Amount
from apps.llm.budget_models import Budget, BudgetHold, BudgetUse, Spend
from apps.llm.budget_periods import end_of, today
from apps.llm.budget_scope import Payer
from apps.llm.models import LanguageModel
from apps.llm.shapes import Usage

_log = get_logger(__name__)
_MILLION = Decimal(1_000_000)
#: What is held lapses so long after the call's deadline.
_SLACK_S = 15.0
KEEP_USES, KEEP_SPEND = timedelta(days=62), timedelta(days=400)


@dataclass(frozen=True, slots=True)
class Nearing:
    """A budget of which a share (80 or 95 percent) is used, told once in each period; a call that
    passes both at once tells of the higher. `person_id` is whose it is, if anybody's own."""

    budget: Budget
    percent: int
    text: Text
    until: datetime
    person_id: int | None


#: Called within the transaction that settles; what they write is stored with it or not at all.
on_warning: list[Callable[[Nearing], None]] = []


@dataclass(slots=True)
class Reservation:
    """What is held of each budget for one call; it lapses by itself soon after the deadline."""

    model: LanguageModel
    who: Payer
    day: date
    uses: dict[int, Budget] = field(default_factory=dict)
    uid: uuid.UUID | None = None
    done: bool = False

    def settle(self, usage: Usage) -> Decimal:
        """Keep what the call took, give the rest back, and warn where a budget runs low; returns
        the cost in the model's currency. Only the first call counts. One transaction."""
        took = _amount(self.model, usage.tokens_in, usage.tokens_out)
        if self.done:
            return took.money
        with transaction.atomic():
            self._give_back()
            books.keep(
                self.who, self.day, self.model.name, (usage.tokens_in, usage.tokens_out), took
            )
            for use, percent in books.take(self.uses, took) if self.uses else ():
                _warn(use, percent)
        self.done = True
        return took.money

    def release(self) -> None:
        """Give everything back: the call cost nothing. Does nothing after `settle`."""
        if not self.done:
            with light_commit(here()):
                self._give_back()
            self.done = True

    def _give_back(self) -> None:
        if self.uid is not None:
            books.give_back(self.uid, self.uses)


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
    who, day = budget_scope.payer(person_id), today()
    budgets = budget_scope.of_call(who, row.pk)
    if not budgets:
        return Reservation(row, who, day)
    need = _amount(row, tokens_in, max_tokens)
    with light_commit(here()), transaction.atomic():
        uses = books.lock(budgets, who, day)
        books.check(uses, need, row.name)
        uid = books.hold(uses, need, deadline_s + _SLACK_S)
    return Reservation(row, who, day, {use.pk: use.budget for use in uses}, uid)


def clean_up(now: datetime) -> int:
    """Forget what lapsed, the uses of periods that are long over, and what was spent more than 400
    days ago; returns how many rows went."""
    day = now.date()
    return sum(
        rows.delete()[0]
        for rows in (
            BudgetHold.objects.filter(until__lte=DbNow()),
            BudgetUse.objects.filter(start__lt=day - KEEP_USES),
            Spend.objects.filter(day__lt=day - KEEP_SPEND),
        )
    )


def _amount(row: LanguageModel, tokens_in: int, tokens_out: int) -> Amount:
    money = (tokens_in * Decimal(row.price_in) + tokens_out * Decimal(row.price_out)) / _MILLION
    return Amount(tokens_in + tokens_out, money.quantize(Decimal("0.000001")), row.currency)


def _warn(use: BudgetUse, percent: int) -> None:
    nearest = max(books.bounds(use), key=lambda one: one.percent)
    said = nearest.said(nearest.used), nearest.said(nearest.limit)
    text = budget_words.nearing(use.budget, nearest.percent, *said)
    until = end_of(use.budget.period, use.start)
    nearing = Nearing(use.budget, percent, text, until, use.person_id or use.budget.person_id)
    for tell in on_warning:
        try:
            with transaction.atomic():
                tell(nearing)
        except Exception:  # noqa: BLE001 - what was spent is kept, whoever cannot be told of it
            _log.exception("budget.warning_not_told", budget=use.budget_id)
