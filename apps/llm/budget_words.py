"""Budgets in words."""

from __future__ import annotations

from decimal import Decimal

from apps.core.i18n import Text, both
from apps.llm.budget_models import Budget

_ALL = both("全公司", "everybody together")
_EACH = both("每人", "each person")
_PERIODS = {"day": both("每天", "a day"), "month": both("每月", "a month")}
_NAME = both("{whom}{period}的预算", "the budget of {whom} for {period}")
_OF_MODEL = both("{name}（模型 {model}）", "{name} (model {model})")
_TOKENS = both("{n} tokens", "{n} tokens")
_REFUSED = both(
    "{name}共 {limit}，已用 {used}，进行中的调用占用 {held}，这次最多需要 {need}",
    "{Name} is {limit}: {used} used, {held} held by calls under way, and this one may take {need}",
)
_NEARING = both(
    "{name}已用 {percent}%：{used} / {limit}", "{Name} is {percent}% used: {used} of {limit}"
)


def whom(budget: Budget) -> Text:
    """For whom it is."""
    if budget.scope == "all":
        return _ALL
    if budget.scope == "each":
        return _EACH
    name = str(budget.person or budget.department)
    return both(name, name)


def name(budget: Budget) -> Text:
    """What a person calls it, for the middle of a sentence."""
    found = _NAME.format(whom=whom(budget), period=_PERIODS[budget.period])
    if budget.model is None:
        return found
    return _OF_MODEL.format(name=found, model=budget.model.name)


def amount(value: int | Decimal, currency: str = "") -> Text:
    """Tokens, or with a currency money."""
    if currency:
        shown = f"{value:,.4f}".rstrip("0").rstrip(".")
        return both(f"{shown} {currency}", f"{shown} {currency}")
    return _TOKENS.format(n=f"{value:,}")


def refused(budget: Budget, limit: Text, used: Text, held: Text, need: Text) -> Text:
    """Why a call was not allowed."""
    return _sentence(_REFUSED, budget, limit=limit, used=used, held=held, need=need)


def nearing(budget: Budget, percent: int, used: Text, limit: Text) -> Text:
    """That it is nearly used up."""
    return _sentence(_NEARING, budget, percent=percent, used=used, limit=limit)


def _sentence(text: Text, budget: Budget, **values: object) -> Text:
    named = name(budget)
    begun = both(named.zh, named.en[:1].upper() + named.en[1:])
    return text.format(name=named, Name=begun, **values)
