"""The console's page of the models."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from apps.accounts.models import Person
from apps.audit.models import AuditRow
from apps.llm import gateway
from apps.llm.models import LanguageModel
from apps.llm.shapes import Ask, Purpose, user
from apps.simulate.model import KEY, MODEL, ModelStand


@pytest.fixture
def admin(alice: Person) -> Client:
    client = Client()
    client.force_login(alice)
    return client


def form(stand: ModelStand, **more: Any) -> dict[str, Any]:
    given = {
        "name": "office", "kind": "chat", "provider": "", "base_url": stand.base_url,
        "model": MODEL, "new_key": KEY, "zone": "", "enabled": "on", "timeout_s": "60",
        "price_in": "1", "price_out": "2", "currency": "CNY", "quirks": "{}",
    }  # fmt: skip
    return {k: v for k, v in (given | more).items() if v is not None}


def add(admin: Client, stand: ModelStand, **more: Any) -> str:
    found = admin.post(reverse("admin:llm_languagemodel_add"), form(stand, **more), follow=True)
    return found.content.decode()


def change(admin: Client, row: LanguageModel, stand: ModelStand, **more: Any) -> str:
    given = form(stand, provider=row.provider, zone=row.zone, **{"new_key": ""} | more)
    address = reverse("admin:llm_languagemodel_change", args=[row.pk])
    return admin.post(address, given, follow=True).content.decode()


def test_a_model_is_added_and_answers(admin: Client, stand: ModelStand, alice: Person) -> None:
    add(admin, stand)
    row = LanguageModel.objects.get()
    assert (row.name, row.zone, row.default, row.timeout_s) == ("office", "internal", True, 60)
    assert gateway.call(Ask((user("hi"),)), Purpose("ask", alice.pk)).text == "pong"
    line = AuditRow.objects.get(action="model.added")
    assert line.actor == f"person:{alice.pk}"


def test_the_key_goes_in_and_never_comes_out(admin: Client, stand: ModelStand) -> None:
    add(admin, stand)
    row = LanguageModel.objects.get()
    shown = admin.get(reverse("admin:llm_languagemodel_change", args=[row.pk])).content.decode()
    assert KEY not in shown
    assert f"***{KEY[-4:]}" in shown
    change(admin, row, stand, price_in="5")
    row.refresh_from_db()
    assert row.price_in == 5
    assert gateway.call(Ask((user("hi"),)), Purpose("ask")).text == "pong"
    change(admin, row, stand, clear_key="on")
    row.refresh_from_db()
    assert not row.api_key


def test_what_is_wrong_is_told_beside_the_form(admin: Client, stand: ModelStand) -> None:
    assert "base_url" in add(admin, stand, base_url="ftp://nowhere")
    assert not LanguageModel.objects.exists()
    assert not AuditRow.objects.filter(action="model.added").exists()


def test_a_test_takes_the_stored_key_or_the_typed_one(admin: Client, stand: ModelStand) -> None:
    add(admin, stand)
    row = LanguageModel.objects.get()
    address = reverse("admin:llm_languagemodel_check", args=[row.pk])
    shown = admin.post(address, {"new_key": ""}, follow=True).content.decode()
    assert "✓ chat" in shown
    shown = admin.post(address, {"new_key": "sk-wrong-0123456789"}, follow=True).content.decode()
    assert "✗ key" in shown
    assert "sk-wrong-0123456789" not in shown
    row.refresh_from_db()
    assert gateway.call(Ask((user("hi"),)), Purpose("ask")).text == "pong"


def test_who_may_only_look_may_not_test(stand: ModelStand, admin: Client, bob: Person) -> None:
    add(admin, stand)
    row = LanguageModel.objects.get()
    client = Client()
    client.force_login(bob)
    address = reverse("admin:llm_languagemodel_check", args=[row.pk])
    assert client.post(address).status_code == 403
    assert not stand.asked


def test_a_model_is_removed(admin: Client, stand: ModelStand) -> None:
    add(admin, stand)
    row = LanguageModel.objects.get()
    admin.post(reverse("admin:llm_languagemodel_delete", args=[row.pk]), {"post": "yes"})
    assert not LanguageModel.objects.exists()
    assert AuditRow.objects.filter(action="model.removed").exists()
