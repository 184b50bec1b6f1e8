"""`manage.py budget`, and what metrics and the doctor say of models."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from apps.accounts.models import Department, Person
from apps.console import doctor_models
from apps.console import metrics as scraped
from apps.core import metrics
from apps.llm import limits
from apps.llm.budget_models import Budget
from apps.llm.models import LanguageModel


def run(*words: str) -> str:
    out = StringIO()
    call_command("budget", *words, stdout=out)
    return out.getvalue()


def refused(*words: str) -> str:
    with pytest.raises(CommandError) as found:
        run(*words)
    assert found.value.returncode == 2
    return str(found.value)


def test_budgets_are_added_listed_changed_and_removed(bob: Person) -> None:
    LanguageModel.objects.create(name="qwen", base_url="http://127.0.0.1:9", model="m")
    assert "Sales每月的预算：1,000 tokens" in run("add", "department:Sales", "month", "tokens=1000")
    run("add", "person:bob", "day", "money=1.5", "currency=USD", "model=qwen")
    first, second = json.loads(run("list", "--json"))
    assert (first["department"], first["tokens"], first["used"]) == ("Sales", 1000, "0/1000 tokens")
    assert (second["person"], second["model"], second["currency"]) == ("bob", "qwen", "USD")
    listed = run("list")
    assert "Sales每月的预算：1,000 tokens" in listed
    assert "0/1000 tokens" in listed
    run("change", str(first["id"]), "money=9")
    row = Budget.objects.get(pk=first["id"])
    assert (row.tokens, row.money) == (1000, 9)
    run("change", str(first["id"]), "tokens=")
    row.refresh_from_db()
    assert row.tokens is None
    run("remove", str(first["id"]))
    assert Budget.objects.count() == 1


def test_what_is_wrong_is_refused(db: None) -> None:
    Department.objects.create(name="Sales")
    assert "Sales" in refused("add", "department:Nowhere", "day", "tokens=1")
    assert "none" in refused("add", "all", "day", "tokens=1", "model=none")
    assert "tokens" in refused("add", "all", "day", "tokens=many")
    assert "tokens" in refused("add", "all", "day", "token=1")
    assert "all" in refused("add", "team", "day", "tokens=1")
    assert "99" in refused("remove", "99")
    assert not Budget.objects.exists()


def test_metrics_and_the_doctor_see_a_pause(db: None, redis_url: str) -> None:
    row = LanguageModel.objects.create(name="qwen", base_url="http://127.0.0.1:9", model="m")
    assert [seen.level for seen in doctor_models.model_gates()] == ["OK"]
    metrics.register_collector(scraped.model_gates)
    slot = limits.admit(row, 60)
    assert 'clawdbot_model_in_flight{model="qwen"} 1.0' in metrics.render().decode()
    slot.release("auth")
    text = metrics.render().decode()
    assert 'clawdbot_model_in_flight{model="qwen"} 0.0' in text
    assert 'clawdbot_model_breaker_open{model="qwen"} 1.0' in text
    (seen,) = doctor_models.model_gates()
    assert (seen.level, seen.name) == ("WARN", "gate qwen")
    assert "auth" in seen.detail.en
    limits.reset(row)
    assert [seen.level for seen in doctor_models.model_gates()] == ["OK"]
