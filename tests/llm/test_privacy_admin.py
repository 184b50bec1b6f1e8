"""The console's pages of masking, lists and residency, and the command."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import call_command
from django.test import Client

from apps.accounts.models import Department, Person, Role
from apps.audit.models import AuditRow
from apps.llm.privacy_models import ListedWord, MaskPattern, ResidencyPolicy

PAGE = "/admin/llm/"


def signed_in(person: Person) -> Client:
    client = Client()
    client.force_login(person)
    return client


def test_a_pattern_is_added_changed_and_removed(alice: Person) -> None:
    page, form = signed_in(alice), {"name": "p", "pattern": "PRJ-[0-9]+", "kind": "project"}
    assert page.post(f"{PAGE}maskpattern/add/", form | {"enabled": "on"}).status_code == 302
    row = MaskPattern.objects.get()
    assert (row.kind, row.enabled) == ("PROJECT", True)
    assert AuditRow.objects.filter(action="mask_pattern.added").count() == 1
    address = f"{PAGE}maskpattern/{row.pk}/"
    assert page.post(f"{address}change/", form | {"pattern": "("}).status_code == 200
    assert page.post(f"{address}change/", form | {"name": "q"}).status_code == 302
    row.refresh_from_db()
    assert (row.name, row.enabled) == ("q", False)
    page.post(f"{address}delete/", {"post": "yes"})
    assert not MaskPattern.objects.exists()


def test_a_word_is_added_and_the_audit_does_not_name_it(alice: Person) -> None:
    form = {"word": "曙光计划", "rule": "leave_refuse", "note": "", "enabled": "on"}
    assert signed_in(alice).post(f"{PAGE}listedword/add/", form).status_code == 302
    assert ListedWord.objects.get().word == "曙光计划"
    row = AuditRow.objects.get(action="listed_word.added")
    assert "曙光" not in f"{row.data}{row.object_label}"


def test_residency_is_one_policy(alice: Person) -> None:
    page, sales = signed_in(alice), Department.objects.create(name="Sales")
    assert page.post(f"{PAGE}residencypolicy/add/", {"departments": [sales.pk]}).status_code == 302
    row = ResidencyPolicy.objects.get()
    assert list(row.departments.all()) == [sales]
    assert page.get(f"{PAGE}residencypolicy/add/").status_code == 403
    address = f"{PAGE}residencypolicy/{row.pk}/change/"
    assert page.post(address, {"allow_abroad": "on"}).status_code == 302
    row.refresh_from_db()
    assert row.allow_abroad
    assert not row.departments.exists()


@pytest.mark.parametrize("model", ["maskpattern", "listedword"])
def test_a_text_can_be_tried(alice: Person, model: str) -> None:
    page = signed_in(alice)
    assert 'href="try/"' in page.get(f"{PAGE}{model}/").content.decode()
    shown = page.post(f"{PAGE}{model}/try/", {"text": "打 13800138000"}).content.decode()
    assert "打 ⟦PHONE_1⟧" in shown
    assert "<code>PHONE</code> 1" in shown


def test_an_auditor_may_look_and_try_but_not_change(bob: Person, roles: dict[str, Role]) -> None:
    assert signed_in(bob).get(f"{PAGE}listedword/try/").status_code == 403
    bob.roles.add(roles["auditor"])
    assert signed_in(bob).get(f"{PAGE}listedword/try/").status_code == 200
    assert signed_in(bob).get(f"{PAGE}listedword/add/").status_code == 403


@pytest.mark.django_db
def test_the_command_shows_what_would_leave() -> None:
    out = StringIO()
    call_command("mask", "打 13800138000，密码是hunter2", "--json", stdout=out)
    found = json.loads(out.getvalue())
    assert found == {
        "text": "打 ⟦PHONE_1⟧，密码是⟦SECRET_1⟧",
        "kinds": {"PHONE": 1, "SECRET": 1},
        "held": [],
    }
