"""How long calls are kept, and who may read them in the console."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from apps.accounts import authz
from apps.accounts.models import Person, Role
from apps.assistant import cleanup
from apps.assistant.sweeper import Learner
from apps.audit.log import Actor
from apps.audit.models import AuditRow
from apps.core.clock import utcnow
from apps.llm import calls, gateway
from apps.llm.models import CallPolicy, LanguageModel, ModelCall
from apps.llm.shapes import Ask, Purpose, user

SYSTEM = Actor.system("test")


@pytest.fixture
def call(model: LanguageModel, bob: Person) -> ModelCall:
    """Somebody's call, made by the installation for them."""
    gateway.call(Ask((user("the secret plan"),)), Purpose("ask"))
    ModelCall.objects.update(person=bob)
    return ModelCall.objects.get()


def aged(call: ModelCall, days: float) -> None:
    ModelCall.objects.filter(pk=call.pk).update(created_at=utcnow() - timedelta(days=days))


@pytest.mark.django_db(transaction=True)
def test_a_call_is_kept_for_half_a_year_and_no_longer(call: ModelCall) -> None:
    aged(call, 179.9)
    assert cleanup.clean_up(utcnow())["calls"] == 0
    aged(call, 180.1)
    assert cleanup.clean_up(utcnow())["calls"] == 1
    assert AuditRow.objects.get(action="model.calls_removed").data == {"rows": 1, "days": 180}


def test_the_policy_of_the_company_counts_also_without_anybody_cleaning_up(call: ModelCall) -> None:
    calls.set_policy(days=30, text_days=7, actor=SYSTEM)
    aged(call, 7.1)
    Learner().forget()
    call.refresh_from_db()
    assert (call.prompt, call.answer, call.outcome) == ("", "", "ok")
    aged(call, 30.1)
    Learner().forget()
    assert not ModelCall.objects.exists()


@pytest.mark.parametrize(("days", "text"), [(0, 0), (10, 11), (9999, 1), (5, -1)])
def test_a_policy_that_makes_no_sense_is_refused(db: None, days: int, text: int) -> None:
    with pytest.raises(calls.BadDays):
        calls.set_policy(days=days, text_days=text, actor=SYSTEM)
    assert not CallPolicy.objects.exists()


@pytest.fixture
def auditor(roles: dict[str, Role]) -> Person:
    person = Person.objects.create_person("olga")
    person.roles.add(roles["auditor"])
    return person


def page(person: Person, name: str, *args: object) -> tuple[int, str]:
    client = Client()
    client.force_login(person)
    found = client.get(reverse(f"admin:llm_modelcall_{name}", args=args))
    return found.status_code, found.content.decode()


def test_who_sees_the_console_sees_the_row_and_not_its_text(
    call: ModelCall, auditor: Person
) -> None:
    status, shown = page(auditor, "change", call.pk)
    assert status == 200
    assert "secret plan" not in shown
    assert reverse("admin:llm_modelcall_text", args=[call.pk]) not in shown
    assert page(auditor, "text", call.pk)[0] == 403
    assert not AuditRow.objects.filter(action="model.call_read").exists()


def test_who_may_read_the_text_is_written_down_each_time(
    call: ModelCall, auditor: Person, roles: dict[str, Role]
) -> None:
    authz.allow(roles["auditor"], calls.READ, SYSTEM)
    status, shown = page(auditor, "text", call.pk)
    assert status == 200
    assert "the secret plan" in shown
    assert "pong" in shown
    page(auditor, "text", call.pk)
    lines = AuditRow.objects.filter(action="model.call_read", actor=f"person:{auditor.pk}")
    assert [line.object_id for line in lines] == [str(call.pk)] * 2


@pytest.mark.parametrize("wanted", ["bob", "ask", "stand"])
def test_calls_are_searched_for(call: ModelCall, auditor: Person, wanted: str) -> None:
    client = Client()
    client.force_login(auditor)
    address = reverse("admin:llm_modelcall_changelist")
    change = reverse("admin:llm_modelcall_change", args=[call.pk])
    assert change in client.get(address, {"q": wanted}).content.decode()
    assert change not in client.get(address, {"q": uuid.uuid4().hex}).content.decode()
