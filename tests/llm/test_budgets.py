"""Budgets: who and what they bound, what is held, and what is told when they run low."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal

import pytest
import time_machine
from django.db import connection

from apps.accounts.models import Department, Person
from apps.audit.log import Actor
from apps.audit.models import AuditRow
from apps.core.leases import DbAfter
from apps.llm import budget_actions, budget_view, budgets
from apps.llm.budget_actions import BadBudget, Limits
from apps.llm.budget_models import Budget, BudgetHold, BudgetUse, Spend
from apps.llm.budgets import Nearing
from apps.llm.limit_errors import OverBudget
from apps.llm.models import LanguageModel
from apps.llm.shapes import Usage

ACTOR = Actor.system("test")


def priced(name: str, currency: str = "CNY") -> LanguageModel:
    """A model at 2 and 10 of its currency for a million tokens."""
    return LanguageModel.objects.create(
        name=name, base_url="http://127.0.0.1:9/v1", model="m", currency=currency,
        price_in=Decimal(2), price_out=Decimal(10),
    )  # fmt: skip


@pytest.fixture
def row(db: None) -> LanguageModel:
    """A model with prices."""
    return priced("priced")


@pytest.fixture
def warned() -> Iterator[list[Nearing]]:
    """What is told about budgets, to us alone."""
    told: list[Nearing] = []
    kept, budgets.on_warning[:] = list(budgets.on_warning), [told.append]
    yield told
    budgets.on_warning[:] = kept


def budget(scope: str = "all", period: str = "month", **more: object) -> Budget:
    """A budget with what is given."""
    limits = {name: more.pop(name) for name in ("tokens", "money", "currency") if name in more}
    return budget_actions.add(scope, period, Limits(**limits), actor=ACTOR, **more)  # type: ignore[arg-type]


def spend(who: Person | None, row: LanguageModel, tokens: int) -> None:
    """One call from beginning to end."""
    held = budgets.reserve(who.pk if who else None, row, tokens, 0)
    held.settle(Usage(tokens, 0))


def test_without_a_budget_what_was_spent_is_kept_all_the_same(
    bob: Person, row: LanguageModel
) -> None:
    held = budgets.reserve(bob.pk, row, 1000, 500)
    assert held.settle(Usage(1000, 100)) == Decimal("0.003")
    assert held.settle(Usage(1000, 100)) == Decimal("0.003")  # a second time counts nothing
    kept = Spend.objects.get()
    assert (kept.person, kept.department, kept.calls) == (bob, bob.department, 1)
    assert (kept.tokens_in, kept.tokens_out, kept.money) == (1000, 100, Decimal("0.003"))
    spend(bob, row, 7)
    kept.refresh_from_db()
    assert (kept.calls, kept.tokens_in) == (2, 1007)


def test_the_estimate_is_held_and_the_rest_given_back(bob: Person, row: LanguageModel) -> None:
    budget(tokens=1000)
    held = budgets.reserve(bob.pk, row, 200, 500)
    with pytest.raises(OverBudget):
        budgets.reserve(bob.pk, row, 200, 500)
    held.settle(Usage(200, 50))
    budgets.reserve(bob.pk, row, 250, 500).release()
    with pytest.raises(OverBudget):
        budgets.reserve(bob.pk, row, 251, 500)
    assert not BudgetHold.objects.exists()


def test_the_refusal_says_which_how_much_and_until_when(bob: Person, row: LanguageModel) -> None:
    budget("person", "day", person=bob, tokens=1000)
    with time_machine.travel(datetime(2026, 11, 27, 3, 0, tzinfo=UTC)):
        spend(bob, row, 700)
        with pytest.raises(OverBudget) as found:
            budgets.reserve(bob.pk, row, 100, 1000)
        error = found.value
    assert error.text("en") == (
        "The budget of Bob for a day is 1,000 tokens: 700 tokens used, 0 tokens held by calls "
        "under way, and this one may take 1,100 tokens. The budget starts anew at 11-28 00:00; "
        "an administrator can raise it."
    )
    assert error.text("zh").startswith("Bob每天的预算共 1,000 tokens，已用 700 tokens")
    assert not error.passes
    assert error.http_status == 429
    assert error.until == datetime(2026, 11, 27, 16, 0, tzinfo=UTC)


def test_a_budget_reaches_the_people_it_is_for(
    bob: Person, carol: Person, row: LanguageModel
) -> None:
    company = Department.objects.create(name="Company")
    Department.objects.filter(pk=bob.department_id).update(parent=company)
    budget("department", department=company, tokens=100)
    spend(bob, row, 60)
    with pytest.raises(OverBudget):
        spend(bob, row, 60)
    spend(carol, row, 60)
    spend(None, row, 60)
    Department.objects.filter(pk=company.pk).update(parent=bob.department_id)  # a circle
    with pytest.raises(OverBudget):
        spend(bob, row, 60)


def test_each_person_has_their_own(bob: Person, carol: Person, row: LanguageModel) -> None:
    budget("each", tokens=100)
    spend(bob, row, 60)
    spend(carol, row, 60)
    spend(None, row, 600)
    with pytest.raises(OverBudget):
        spend(bob, row, 60)


def test_several_apply_at_once_and_all_or_none_is_held(bob: Person, row: LanguageModel) -> None:
    budget("all", tokens=1000)
    budget("person", "day", person=bob, tokens=100)
    with pytest.raises(OverBudget, match="Bob"):
        budgets.reserve(bob.pk, row, 101, 0)
    assert not BudgetHold.objects.exists()
    budgets.reserve(bob.pk, row, 100, 0)
    assert BudgetHold.objects.count() == 2


def test_one_models_budget_leaves_others_alone(bob: Person, row: LanguageModel) -> None:
    other = priced("other")
    budget(tokens=100, model=row)
    spend(bob, other, 500)
    with pytest.raises(OverBudget, match="model priced"):
        spend(bob, row, 101)


def test_money_counts_in_its_own_currency(bob: Person, row: LanguageModel) -> None:
    dollars = priced("dollars", "USD")
    budget(money=Decimal("0.01"), currency="CNY")
    with pytest.raises(OverBudget, match=r"0\.02 CNY"):
        budgets.reserve(bob.pk, row, 0, 2000)
    budgets.reserve(bob.pk, dollars, 0, 2000).settle(Usage(0, 2000))
    assert BudgetUse.objects.get().money == 0
    budgets.reserve(bob.pk, row, 0, 1000).settle(Usage(0, 1000))
    with pytest.raises(OverBudget):
        budgets.reserve(bob.pk, row, 1, 0)


def test_a_killed_workers_estimate_lapses(bob: Person, row: LanguageModel) -> None:
    budget(tokens=100)
    budgets.reserve(bob.pk, row, 100, 0)  # and nobody settles it
    with pytest.raises(OverBudget):
        budgets.reserve(bob.pk, row, 100, 0)
    BudgetHold.objects.update(until=DbAfter(-1))
    budgets.reserve(bob.pk, row, 100, 0).release()
    assert not BudgetHold.objects.exists()  # the lapsed one is cleared away with it


def test_a_late_settlement_counts_what_was_spent(bob: Person, row: LanguageModel) -> None:
    budget(tokens=100)
    held = budgets.reserve(bob.pk, row, 100, 0)
    BudgetHold.objects.update(until=DbAfter(-1))
    budgets.reserve(bob.pk, row, 10, 0).release()  # clears what lapsed
    held.settle(Usage(100, 0))
    assert BudgetUse.objects.get().tokens == 100


def test_days_and_months_begin_on_the_wall_clock(bob: Person, row: LanguageModel) -> None:
    budget("all", "day", tokens=100)
    budget("all", "month", tokens=150)
    with time_machine.travel(datetime(2026, 12, 30, 15, 59, tzinfo=UTC)):  # 23:59 in Shanghai
        spend(bob, row, 100)
        with pytest.raises(OverBudget, match="for a day"):
            spend(bob, row, 1)
    with time_machine.travel(datetime(2026, 12, 30, 16, 1, tzinfo=UTC)):
        spend(bob, row, 50)
        with pytest.raises(OverBudget, match="for a month"):
            spend(bob, row, 1)
    with time_machine.travel(datetime(2026, 12, 31, 16, 1, tzinfo=UTC)):
        spend(bob, row, 100)


def test_what_was_spent_before_counts_for_a_new_budget(
    bob: Person, carol: Person, row: LanguageModel
) -> None:
    spend(bob, row, 60)
    spend(carol, row, 600)
    budget("department", department=bob.department, tokens=100)
    budget("each", tokens=601)
    with pytest.raises(OverBudget):
        spend(bob, row, 60)
    with pytest.raises(OverBudget):
        spend(carol, row, 2)
    spend(carol, row, 1)


def test_it_warns_once_at_80_and_once_at_95(
    bob: Person, row: LanguageModel, warned: list[Nearing]
) -> None:
    limit = budget("person", person=bob, tokens=1000)
    for tokens in (790, 10, 50, 99, 1, 40):
        spend(bob, row, tokens)
    assert [one.percent for one in warned] == [80, 95]
    assert {one.person_id for one in warned} == {bob.pk}
    assert (
        warned[0].text.en == "The budget of Bob for a month is 80% used: 800 tokens of 1,000 tokens"
    )
    budget_actions.change(limit, Limits(tokens=2000), ACTOR)
    spend(bob, row, 1000)
    assert [one.percent for one in warned] == [80, 95, 95]


def test_a_listener_that_fails_loses_no_count(bob: Person, row: LanguageModel) -> None:
    def fails(nearing: Nearing) -> None:
        Spend.objects.all().delete()
        raise RuntimeError("no")

    kept, budgets.on_warning[:] = list(budgets.on_warning), [fails]
    budget(tokens=100)
    spend(bob, row, 100)
    budgets.on_warning[:] = kept
    assert Spend.objects.get().tokens_in == 100
    assert BudgetUse.objects.get().tokens == 100


def test_what_is_wrong_about_a_budget_is_told(bob: Person) -> None:
    for scope, period, more in (
        ("team", "day", {"tokens": 1}),
        ("all", "week", {"tokens": 1}),
        ("all", "day", {}),
        ("all", "day", {"tokens": -1}),
        ("all", "day", {"money": Decimal(1), "currency": "yuan"}),
        ("person", "day", {"tokens": 1}),
        ("all", "day", {"tokens": 1, "person": bob}),
    ):
        with pytest.raises(BadBudget):
            budget(scope, period, **more)
    assert not Budget.objects.exists()


def test_what_is_done_to_budgets_is_audited(bob: Person) -> None:
    one = budget("person", person=bob, tokens=10)
    budget_actions.change(one, Limits(money=Decimal("1.5")), ACTOR)
    budget_actions.remove(one, ACTOR)
    found = AuditRow.objects.filter(action__startswith="budget.").order_by("pk")
    assert [line.action for line in found] == ["budget.added", "budget.changed", "budget.removed"]
    assert found[1].data["money"] == "1.5"


def test_a_person_sees_what_is_used_and_left(bob: Person, row: LanguageModel) -> None:
    budget("each", "day", tokens=1000, money=Decimal(1))
    spend(bob, row, 300)
    budgets.reserve(bob.pk, row, 100, 0)
    (standing,) = budget_view.standings(bob.pk)
    tokens, money = standing.bounds
    assert (tokens.used, tokens.held, tokens.left, tokens.percent) == (300, 100, 600, 30)
    assert money.left == Decimal("0.9992")
    assert budget_view.used(bob.pk, "day").tokens == 300
    assert budget_view.used(bob.pk, "month").money == {"CNY": Decimal("0.0006")}


def test_what_is_old_is_forgotten(bob: Person, row: LanguageModel) -> None:
    budget("all", "day", tokens=100)
    with time_machine.travel(datetime(2025, 10, 1, 3, 0, tzinfo=UTC)):
        spend(bob, row, 10)
    with time_machine.travel(datetime(2026, 11, 1, 3, 0, tzinfo=UTC)):
        spend(bob, row, 20)
        budgets.reserve(bob.pk, row, 30, 0)
    assert budgets.clean_up(datetime(2026, 12, 1, tzinfo=UTC)) == 2
    assert BudgetUse.objects.get().tokens == 20
    assert Spend.objects.get().tokens_in == 20
    assert BudgetHold.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_never_over_granted_by_threads_at_once(roles: dict[str, object]) -> None:
    """Eight threads; the budgets hold 40 calls of 10 tokens, and 25 of one person."""
    people = [Person.objects.create_person(name) for name in ("one", "two")]
    row = priced("busy")
    budget("all", tokens=400)
    budget("each", tokens=250)

    def work(number: int) -> int:
        try:
            held = budgets.reserve(people[number % 2].pk, row, 4, 6)
            held.settle(Usage(4, 6))
        except OverBudget:
            return 0
        finally:
            connection.close()
        return 10

    with ThreadPoolExecutor(8) as pool:
        granted = sum(pool.map(work, range(120)))
    # While calls are under way a few that would have fitted in the end are refused; none more.
    assert 330 <= granted <= 400
    assert BudgetUse.objects.get(person=None).tokens == granted
    assert max(use.tokens for use in BudgetUse.objects.exclude(person=None)) <= 250
    assert sum(kept.tokens_in + kept.tokens_out for kept in Spend.objects.all()) == granted
    assert not BudgetHold.objects.exists()
