"""The console's pages of budgets and of what was spent."""

from __future__ import annotations

from django.test import Client

from apps.accounts.models import Person, Role
from apps.audit.log import Actor
from apps.audit.models import AuditRow
from apps.llm import budget_actions, budgets
from apps.llm.budget_actions import Limits
from apps.llm.budget_models import Budget
from apps.llm.models import LanguageModel
from apps.llm.shapes import Usage

PAGE = "/admin/llm/budget/"
FORM = {"scope": "each", "period": "day", "tokens": "5000", "money": "", "currency": "CNY"}


def signed_in(person: Person) -> Client:
    client = Client()
    client.force_login(person)
    return client


def test_a_budget_is_made_changed_and_removed(alice: Person, bob: Person) -> None:
    page = signed_in(alice)
    form = FORM | {"scope": "person", "person": str(bob.pk)}
    assert page.post(f"{PAGE}add/", form).status_code == 302
    row = Budget.objects.get()
    assert (row.person, row.tokens) == (bob, 5000)
    assert "Bob" in page.get(PAGE).content.decode()
    page.post(f"{PAGE}{row.pk}/change/", {"tokens": "", "money": "2.5", "currency": "CNY"})
    row.refresh_from_db()
    assert (row.tokens, str(row.money), row.scope) == (None, "2.5000", "person")
    page.post(f"{PAGE}{row.pk}/delete/", {"post": "yes"})
    assert not Budget.objects.exists()
    found = AuditRow.objects.filter(action__startswith="budget.").values_list("actor_label")
    assert {label for (label,) in found} == {"Alice"}


def test_what_is_wrong_is_said_beside_the_form(alice: Person) -> None:
    found = signed_in(alice).post(f"{PAGE}add/", FORM | {"scope": "person"})
    assert "预算不正确" in found.content.decode()
    assert not Budget.objects.exists()


def test_others_may_look_or_not_even_that(bob: Person, roles: dict[str, Role]) -> None:
    assert signed_in(bob).get(PAGE).status_code == 403
    bob.roles.add(roles["auditor"])
    budget_actions.add("all", "day", Limits(10), actor=Actor.system("test"))
    assert signed_in(bob).get(PAGE).status_code == 200
    assert signed_in(bob).post(f"{PAGE}add/", FORM).status_code == 403


def test_what_was_spent_is_shown_and_cannot_be_changed(alice: Person, bob: Person) -> None:
    row = LanguageModel.objects.create(name="m1", base_url="http://127.0.0.1:9", model="m")
    budgets.reserve(bob.pk, row, 1234, 0).settle(Usage(1234, 0))
    page = signed_in(alice)
    assert "1234" in page.get("/admin/llm/spend/").content.decode()
    assert page.get("/admin/llm/spend/add/").status_code == 403
