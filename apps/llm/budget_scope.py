"""Which budgets a call spends from: those of the person, of the departments above, and of all."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db.models import Q, QuerySet, Sum

from apps.accounts.models import Department, Person
from apps.llm.budget_models import Budget, Spend
from apps.llm.budget_periods import start_of


@dataclass(frozen=True, slots=True)
class Payer:
    """Who a call is for. `departments` are the person's own and all above it, own first; a person
    of None is the installation itself, which spends only from what is for all."""

    person_id: int | None = None
    departments: tuple[int, ...] = ()

    @property
    def department_id(self) -> int | None:
        """The person's own department."""
        return self.departments[0] if self.departments else None


def payer(person_id: int | None) -> Payer:
    """The payer as things are now."""
    if person_id is None:
        return Payer()
    own = Person.objects.filter(pk=person_id).values_list("department_id", flat=True).first()
    return Payer(person_id, tuple(_upwards(own)))


def of(who: Payer, model_id: int | None = None) -> QuerySet[Budget]:
    """The budgets that apply to a call of a model; without one, those of any model."""
    whom = Q(scope="all") | Q(department__in=who.departments)
    if who.person_id is not None:
        whom |= Q(scope="each") | Q(person=who.person_id)
    rows = Budget.objects.filter(whom).select_related("person", "department", "model")
    if model_id is not None:
        rows = rows.filter(Q(model=None) | Q(model=model_id))
    return rows.order_by("pk")


def key(budget: Budget, who: Payer, start: date) -> str:
    """Names the use of a budget in one period."""
    return f"{budget.pk}|{whose(budget, who) or 0}|{start}"


def whose(budget: Budget, who: Payer) -> int | None:
    """The person whose own use it is, for a budget of each."""
    return who.person_id if budget.scope == "each" else None


def spent(budget: Budget, who: Payer, day: date) -> tuple[int, Decimal]:
    """Tokens and money that count for a budget since its period began, from what was kept: for
    budgets that are made in the middle of one."""
    rows = Spend.objects.filter(day__gte=start_of(budget.period, day), day__lte=day)
    if budget.scope == "each":
        rows = rows.filter(person=who.person_id)
    elif budget.scope == "person":
        rows = rows.filter(person=budget.person_id)
    elif budget.scope == "department":
        rows = rows.filter(department__in=_downwards(budget.department_id))
    if budget.model is not None:
        rows = rows.filter(model=budget.model.name)
    sums = rows.aggregate(
        tokens=Sum("tokens_in", default=0) + Sum("tokens_out", default=0),
        money=Sum("money", filter=Q(currency=budget.currency), default=0),
    )
    return sums["tokens"], Decimal(sums["money"])


def _upwards(department: int | None) -> list[int]:
    parents = dict(Department.objects.values_list("pk", "parent_id")) if department else {}
    found: list[int] = []
    while department is not None and department not in found:
        found.append(department)
        department = parents.get(department)
    return found


def _downwards(department: int | None) -> set[int]:
    """A department and all below it."""
    children: dict[int | None, list[int]] = {}
    for pk, parent in Department.objects.values_list("pk", "parent_id"):
        children.setdefault(parent, []).append(pk)
    found: set[int] = set()
    open_ones = [department] if department is not None else []
    while open_ones:
        one = open_ones.pop()
        if one not in found:
            found.add(one)
            open_ones += children.get(one, [])
    return found
