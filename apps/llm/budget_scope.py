"""Which budgets a call spends from: those of the person, of the departments above, and of all."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db.models import Q, QuerySet, Sum

from apps.accounts.models import Department, Person
from apps.core.sql import Among, Prepared, Slot
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


department_of = Prepared(
    lambda: Person.objects.filter(pk=Slot("person")).values_list("department_id")
)
parents = Prepared(lambda: Department.objects.order_by().values_list("pk", "parent_id"))
spent_from = Prepared(
    lambda: Budget.objects.filter(
        Among("scope", "scopes") | Among("department_id", "departments") | Q(person=Slot("person")),
        Q(model=None) | Q(model=Slot("model")),
    ).order_by("pk")
)


def payer(person_id: int | None) -> Payer:
    """The payer as things are now."""
    if person_id is None:
        return Payer()
    own = department_of.rows(person=person_id)
    return Payer(person_id, tuple(_upwards(own[0][0] if own else None)))


def of_call(who: Payer, model_id: int) -> list[Budget]:
    """The budgets that a call of a model spends from, oldest first."""
    return spent_from.instances(
        scopes=["all"] if who.person_id is None else ["all", "each"],
        departments=who.departments,
        person=who.person_id or 0,
        model=model_id,
    )


def of(who: Payer) -> QuerySet[Budget]:
    """The budgets that apply to somebody, whatever the model, oldest first."""
    whom = Q(scope="all") | Q(department__in=who.departments)
    if who.person_id is not None:
        whom |= Q(scope="each") | Q(person=who.person_id)
    rows = Budget.objects.filter(whom).select_related("person", "department", "model")
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
    above: dict[int, int | None] = dict(parents.rows()) if department else {}
    found: list[int] = []
    while department is not None and department not in found:
        found.append(department)
        department = above.get(department)
    return found


def _downwards(department: int | None) -> set[int]:
    """A department and all below it."""
    children: dict[int | None, list[int]] = {}
    for pk, parent in parents.rows():
        children.setdefault(parent, []).append(pk)
    found: set[int] = set()
    open_ones = [department] if department is not None else []
    while open_ones:
        one = open_ones.pop()
        if one not in found:
            found.add(one)
            open_ones += children.get(one, [])
    return found
