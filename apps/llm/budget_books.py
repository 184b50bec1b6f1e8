"""The books of budgets: uses are locked in one order, so that what is granted is exact."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db.models import F, Q, Sum

from apps.core.i18n import Text
from apps.core.leases import DbAfter
from apps.core.sql import Among, Change, Prepared, Slot
from apps.core.work import DbNow
from apps.llm import budget_scope, budget_words
from apps.llm.budget_models import Budget, BudgetHold, BudgetUse, Spend
from apps.llm.budget_periods import end_of, start_of
from apps.llm.budget_scope import Payer
from apps.llm.limit_errors import OverBudget


@dataclass(frozen=True, slots=True)
class Amount:
    """Tokens, and money of one currency."""

    tokens: int
    money: Decimal
    currency: str


@dataclass(frozen=True, slots=True)
class Bound:
    """One limit of a budget with what is used of it and held; a currency where it is of money."""

    limit: int | Decimal
    used: int | Decimal
    held: int | Decimal
    need: int | Decimal = 0
    currency: str = ""

    @property
    def left(self) -> int | Decimal:
        """What nobody used or holds."""
        return max(self.limit - self.used - self.held, 0 * self.limit)

    @property
    def percent(self) -> int:
        """The share that is used, in whole percent; all of a budget of nothing."""
        return int(self.used * 100 / self.limit) if self.limit else 100

    def said(self, value: int | Decimal) -> Text:
        """One of its values in words."""
        return budget_words.amount(value, self.currency)


def bounds(use: BudgetUse, held: Amount | None = None, need: Amount | None = None) -> list[Bound]:
    """The limits of a use's budget. Money that is needed in another currency does not count."""
    budget, found = use.budget, []
    if budget.tokens is not None:
        found.append(
            Bound(budget.tokens, use.tokens, held.tokens if held else 0, need.tokens if need else 0)
        )
    if budget.money is not None and (need is None or need.currency == budget.currency):
        held_money = held.money if held else Decimal(0)
        need_money = need.money if need else Decimal(0)
        found.append(Bound(budget.money, use.money, held_money, need_money, budget.currency))
    return found


uses_by_key = Prepared(
    lambda: BudgetUse.objects.filter(Among("key", "keys")).order_by("pk"), lock=True
)
uses_by_pk = Prepared(
    lambda: BudgetUse.objects.filter(Among("pk", "keys")).order_by("pk"), lock=True
)
holds_of = Prepared(
    lambda: (
        BudgetHold.objects.filter(Among("use_id", "uses"), until__gt=DbNow())
        .order_by()
        .values_list("use_id")
        .annotate(Sum("tokens"), Sum("money"))
    )
)


def lock(budgets: Sequence[Budget], who: Payer, day: date) -> list[BudgetUse]:
    """The uses of this period, made where they are missing, locked until the transaction ends."""
    keys = {key_of(budget, who, day): budget for budget in budgets}
    found = uses_by_key.instances(keys=list(keys))
    missing = keys.keys() - {use.key for use in found}
    if missing:
        made = [fresh(keys[key], who, day) for key in sorted(missing)]
        BudgetUse.objects.bulk_create(made, ignore_conflicts=True)
        found = uses_by_key.instances(keys=list(keys))
    for use in found:
        use.budget = keys[use.key]
    return found


def key_of(budget: Budget, who: Payer, day: date) -> str:
    """The key of the use that a day belongs to."""
    return budget_scope.key(budget, who, start_of(budget.period, day))


def fresh(budget: Budget, who: Payer, day: date) -> BudgetUse:
    """A use that is not stored yet, with what was spent before there was one."""
    tokens, money = budget_scope.spent(budget, who, day)
    use = BudgetUse(
        key=key_of(budget, who, day), budget=budget, person_id=budget_scope.whose(budget, who),
        start=start_of(budget.period, day), tokens=tokens, money=money,
    )  # fmt: skip
    use.warned = level(use)
    return use


def held(uses: Iterable[BudgetUse]) -> dict[int, Amount]:
    """What calls under way may still take of each use, by its key."""
    rows = holds_of.rows(uses=[use.pk for use in uses])
    return {use: Amount(int(tokens), Decimal(money), "") for use, tokens, money in rows}


def check(uses: Sequence[BudgetUse], need: Amount, model: str) -> None:
    """Raise `OverBudget` for the first use that has no room for what is needed."""
    taken = held(uses)
    for use in uses:
        for one in bounds(use, taken.get(use.pk), need):
            if one.used + one.held + one.need > one.limit:
                said = (one.said(n) for n in (one.limit, one.used, one.held, one.need))
                what = budget_words.refused(use.budget, *said)
                raise OverBudget(what, end_of(use.budget.period, use.start), model=model)


def hold(uses: Sequence[BudgetUse], need: Amount, seconds: float) -> uuid.UUID:
    """Hold what is needed of each use."""
    reservation = uuid.uuid4()
    BudgetHold.objects.bulk_create(
        BudgetHold(
            reservation=reservation, use=use, tokens=need.tokens, until=DbAfter(seconds),
            money=need.money if use.budget.currency == need.currency else 0,
        )
        for use in uses
    )  # fmt: skip
    return reservation


def give_back(reservation: uuid.UUID, uses: Iterable[int]) -> None:
    """Hold nothing any more, and clear away what lapsed of others."""
    lapsed = Q(use__in=list(uses), until__lte=DbNow())
    BudgetHold.objects.filter(Q(reservation=reservation) | lapsed).delete()


count_tokens = Change(
    lambda: BudgetUse.objects.filter(Among("pk", "keys")),
    lambda: {"tokens": F("tokens") + Slot("tokens")},
)
count_money = Change(
    lambda: BudgetUse.objects.filter(Among("pk", "keys")),
    lambda: {"money": F("money") + Slot("money")},
)


def take(budgets: Mapping[int, Budget], took: Amount) -> list[tuple[BudgetUse, int]]:
    """Add what a call took to the uses of these budgets; returns those whose next warning is due,
    with its percent."""
    uses, due = uses_by_pk.instances(keys=list(budgets)), []
    for use in uses:
        use.budget = budgets[use.pk]
        use.tokens += took.tokens
        if use.budget.currency == took.currency:
            use.money += took.money
        if level(use) > use.warned:
            use.warned = level(use)
            use.save(update_fields=["warned"])
            due.append((use, use.warned))
    count_tokens.run(keys=[use.pk for use in uses], tokens=took.tokens)
    if took.money:
        ours = [use.pk for use in uses if use.budget.currency == took.currency]
        count_money.run(keys=ours, money=took.money)
    return due


def level(use: BudgetUse) -> int:
    """The highest share that has been reached of those that are warned about; 0 for none."""
    percent = max((one.percent for one in bounds(use)), default=0)
    return next((step for step in WARNED_AT if percent >= step), 0)


WARNED_AT = (95, 80)


add_spend = Change(
    lambda: Spend.objects.filter(key=Slot("key")),
    lambda: {
        "calls": F("calls") + 1,
        "tokens_in": F("tokens_in") + Slot("tokens_in"),
        "tokens_out": F("tokens_out") + Slot("tokens_out"),
        "money": F("money") + Slot("money"),
    },
)


def keep(who: Payer, day: date, model: str, tokens: tuple[int, int], took: Amount) -> None:
    """Add a call to what was spent that day."""
    key = f"{day}|{who.person_id or 0}|{who.department_id or 0}|{took.currency}|{model}"
    more = {"tokens_in": tokens[0], "tokens_out": tokens[1], "money": took.money}
    if not add_spend.run(key=key, **more):
        row = Spend(
            key=key, day=day, person_id=who.person_id, department_id=who.department_id,
            model=model, currency=took.currency,
        )  # fmt: skip
        Spend.objects.bulk_create([row], ignore_conflicts=True)
        add_spend.run(key=key, **more)
