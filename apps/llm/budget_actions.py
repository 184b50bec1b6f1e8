"""What can be done to budgets: each checks, changes and audits in one transaction."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from django.db import transaction

from apps.accounts.models import Department, Person
from apps.audit import log as audit
from apps.audit.log import Actor
from apps.core.errors import ClawdbotError
from apps.core.i18n import Text, both
from apps.llm import budget_books, budget_words
from apps.llm.budget_models import Budget, BudgetUse
from apps.llm.models import LanguageModel

_SCOPE = both(
    "范围应为 all、each、department 或 person", "the scope is all, each, department or person"
)
_PERIOD = both("周期应为 day 或 month", "the period is day or month")
_WHO = both(
    "请指明（且只指明）它管的人或部门",
    "name the person or the department that it is for, and no other",
)
_NOTHING = both("请给出 tokens 或 money", "give tokens, or money")
_NEGATIVE = both("数额不能为负", "an amount is not below nothing")
_CURRENCY = both("币种是三个大写字母，例如 CNY", "a currency is three capital letters, such as CNY")


class BadBudget(ClawdbotError):
    """The budget is not right: {why}."""

    code = "bad_budget"
    zh = "预算不正确：{why}。"
    http_status = 400
    permanent = True


@dataclass(frozen=True, slots=True)
class Limits:
    """How much: tokens, money of a currency, or both; None does not bound."""

    tokens: int | None = None
    money: Decimal | None = None
    currency: str = "CNY"


def add(
    scope: str,
    period: str,
    limits: Limits,
    *,
    actor: Actor,
    person: Person | None = None,
    department: Department | None = None,
    model: LanguageModel | None = None,
) -> Budget:
    """Make a budget; what was spent in this period already counts. Raises `BadBudget`."""
    _check(limits)
    if scope not in dict(Budget.SCOPES):
        raise BadBudget(why=_SCOPE)
    if period not in dict(Budget.PERIODS):
        raise BadBudget(why=_PERIOD)
    if (scope == "person") != (person is not None) or (scope == "department") != bool(department):
        raise BadBudget(why=_WHO)
    with transaction.atomic():
        row = Budget.objects.create(
            scope=scope, period=period, person=person, department=department, model=model,
            tokens=limits.tokens, money=limits.money, currency=limits.currency,
        )  # fmt: skip
        _audit("budget.added", row, actor)
    return row


def change(budget: Budget, limits: Limits, actor: Actor) -> Budget:
    """Give a budget other limits; who and what it is for stays. Raises `BadBudget`.

    Warnings that a higher limit makes untrue are given again when they become true.
    """
    _check(limits)
    with transaction.atomic():
        row = Budget.objects.select_for_update().get(pk=budget.pk)
        row.tokens, row.money, row.currency = limits.tokens, limits.money, limits.currency
        row.save(update_fields=["tokens", "money", "currency"])
        for use in BudgetUse.objects.select_for_update().filter(budget=row).order_by("pk"):
            use.budget = row
            use.warned = min(use.warned, budget_books.level(use))
            use.save(update_fields=["warned"])
        _audit("budget.changed", row, actor)
    return row


def remove(budget: Budget, actor: Actor) -> None:
    """Bound nobody by it any more; what was spent stays written down."""
    with transaction.atomic():
        _audit("budget.removed", budget, actor)
        budget.delete()


def _check(limits: Limits) -> None:
    if limits.tokens is None and limits.money is None:
        raise BadBudget(why=_NOTHING)
    if (limits.tokens or 0) < 0 or (limits.money or 0) < 0:
        raise BadBudget(why=_NEGATIVE)
    currency = limits.currency
    if len(currency) != 3 or not (currency.isascii() and currency.isalpha() and currency.isupper()):
        raise BadBudget(why=_CURRENCY)


def title(budget: Budget) -> Text:
    """What it is for and how much, in one line."""
    parts = []
    if budget.tokens is not None:
        parts.append(budget_words.amount(budget.tokens))
    if budget.money is not None:
        parts.append(budget_words.amount(budget.money, budget.currency))
    named = budget_words.name(budget)
    zh, en = (" + ".join(part.in_(lang) for part in parts) for lang in ("zh", "en"))
    return both(f"{named.zh}：{zh}", f"{named.en}: {en}")


def _audit(action: str, row: Budget, actor: Actor) -> None:
    audit.record(
        action, actor=actor, obj=("budget", row.pk, title(row).en), outcome="done",
        data={
            "scope": row.scope, "person": row.person_id, "department": row.department_id,
            "model": row.model_id, "period": row.period, "tokens": row.tokens,
            "money": None if row.money is None else str(row.money), "currency": row.currency,
        },
    )  # fmt: skip
