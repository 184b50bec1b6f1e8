"""The console's page of the transcriber."""

from __future__ import annotations

from django.test import Client

from apps.accounts.models import Person, Role
from apps.speech import endpoint
from apps.speech.models import Transcriber

PAGE = "/admin/speech/transcriber/"
FORM = {"base_url": "https://asr.example/v1", "model": "m", "language": "zh", "enabled": "on"}


def signed_in(person: Person) -> Client:
    client = Client()
    client.force_login(person)
    return client


def test_it_is_named_and_its_key_never_shown(alice: Person) -> None:
    page = signed_in(alice)
    added = page.post(f"{PAGE}add/", FORM | {"new_key": "sk-secret-0123456789"})
    assert added.status_code == 302
    row = Transcriber.objects.get()
    assert endpoint.api_key(row) == "sk-secret-0123456789"
    shown = page.get(f"{PAGE}{row.pk}/change/").content.decode()
    assert "***6789" in shown
    assert "sk-secret" not in shown
    off = {name: value for name, value in FORM.items() if name != "enabled"}
    page.post(f"{PAGE}{row.pk}/change/", off | {"new_key": ""})
    row.refresh_from_db()
    assert not row.enabled
    assert endpoint.api_key(row) == "sk-secret-0123456789"
    assert page.get(f"{PAGE}add/").status_code == 403  # there is one
    page.post(f"{PAGE}{row.pk}/delete/", {"post": "yes"})
    assert not Transcriber.objects.exists()


def test_a_wrong_address_is_said_beside_the_form(alice: Person) -> None:
    found = signed_in(alice).post(f"{PAGE}add/", FORM | {"base_url": "ftp://x", "new_key": ""})
    assert "base_url" in found.content.decode()
    assert not Transcriber.objects.exists()


def test_others_may_look_or_not_even_that(bob: Person, roles: dict[str, Role]) -> None:
    assert signed_in(bob).get(PAGE).status_code == 403
    bob.roles.add(roles["auditor"])
    assert signed_in(bob).get(PAGE).status_code == 200
    assert signed_in(bob).get(f"{PAGE}add/").status_code == 403
