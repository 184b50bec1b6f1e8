"""Who is told that a budget runs low, or that a model needs a hand; and what /usage shows."""

from __future__ import annotations

from decimal import Decimal

import pytest

from apps.accounts.models import Person
from apps.assistant import budget_notices, spending
from apps.audit.log import Actor
from apps.im.models import Bot, Delivery
from apps.llm import budget_actions, budgets, limits
from apps.llm.budget_actions import Limits
from apps.llm.models import LanguageModel
from apps.llm.shapes import Usage
from apps.skills.testing import FakeSystem, ask, context

ACTOR = Actor.system("test")


@pytest.fixture
def row(bot: Bot) -> LanguageModel:
    """A model at 2 yuan for a million tokens, in an installation that can tell people things."""
    return LanguageModel.objects.create(
        name="m", base_url="http://127.0.0.1:9", model="m", price_in=Decimal(2)
    )


def spend(person: Person, row: LanguageModel, tokens: int) -> None:
    budgets.reserve(person.pk, row, tokens, 0).settle(Usage(tokens, 0))


def told() -> list[tuple[str, str]]:
    """To whose own chat went what."""
    rows = Delivery.objects.filter(role="notice").order_by("pk")
    return [(one.chat_id, one.text) for one in rows]


def test_a_person_is_told_about_their_own_budget_once(bob: Person, row: LanguageModel) -> None:
    bob.language = "en"
    bob.save()
    budget_actions.add("each", "day", Limits(tokens=100), actor=ACTOR)
    spend(bob, row, 79)
    assert told() == []
    spend(bob, row, 1)
    spend(bob, row, 1)
    ((chat, text),) = told()
    assert chat == f"person:{bob.pk}"
    assert "The budget of each person for a day is 80% used: 80 tokens of 100 tokens." in text
    assert "models cannot be asked until" in text


def test_who_sees_to_budgets_is_told_about_the_departments(
    alice: Person, bob: Person, row: LanguageModel
) -> None:
    limits_ = Limits(money=Decimal("0.001"))
    budget_actions.add("department", "month", limits_, actor=ACTOR, department=bob.department)
    spend(bob, row, 480)
    ((chat, text),) = told()
    assert chat == f"person:{alice.pk}"
    assert "Sales每月的预算已用 96%：0.001 CNY / 0.001 CNY" in text


def test_administrators_are_told_of_a_wrong_key_and_of_no_passing_trouble(
    alice: Person, row: LanguageModel
) -> None:
    budget_notices.pause(str(row.uid), "timeout")
    assert told() == []
    limits.report(row, "auth")
    limits.report(row, "auth")
    ((chat, text),) = told()
    assert chat == f"person:{alice.pk}"
    assert "model check m" in text


def test_usage_shows_what_models_took_and_what_is_left(bob: Person, row: LanguageModel) -> None:
    budget_actions.add("each", "day", Limits(1000, Decimal("0.01")), actor=ACTOR)
    spend(bob, row, 300)
    system = FakeSystem()
    system.used = {**system.used, **spending.of(bob)}
    said = ask("usage", context(system=system, language="en"))
    assert "Models today: 300 tokens, 0.00 CNY" in said
    assert "300 tokens + 0.0006 CNY used, 700 tokens + 0.0094 CNY left, starts anew at " in said
    assert "本月的模型用量: 300 tokens" in ask("usage", context(system=system))
