"""Language, time zone and the own account."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth import get_user
from django.test import Client

from apps.accounts.models import Person
from apps.assistant.models import Message

PASSWORD = "a long and quiet river"


def html(page: Client, path: str, **headers: str) -> str:
    return page.get(path, headers=headers).content.decode()


def test_chinese_unless_the_browser_asks_for_english(client: Client) -> None:
    assert '<html lang="zh-hans">' in html(client, "/sign-in/")
    assert '<html lang="en">' in html(client, "/sign-in/", accept_language="en-GB,en;q=0.8")
    assert '<html lang="zh-hans">' in html(client, "/sign-in/", accept_language="fr")


def test_the_switch_is_remembered_without_signing_in(client: Client) -> None:
    answer = client.post("/language/", {"language": "en", "next": "/sign-in/?next=/chat/"})
    assert answer["Location"] == "/sign-in/?next=/chat/"
    assert "Sign in" in html(client, "/sign-in/")


@pytest.mark.parametrize("language", ["", "fr", "en-GB", "../../etc"])
def test_other_languages_change_nothing(client: Client, language: str) -> None:
    client.post("/language/", {"language": language})
    assert '<html lang="zh-hans">' in html(client, "/sign-in/")


def test_a_person_s_own_choice_wins(page: Client, bob: Person) -> None:
    page.post("/language/", {"language": "en"})
    bob.refresh_from_db()
    assert bob.language == "en"
    page.cookies.pop("django_language")
    assert '<html lang="en">' in html(page, "/account/", accept_language="zh-CN")


def test_times_are_on_the_installation_s_clock(
    page: Client, alice: Person, put: Callable[..., Message]
) -> None:
    from datetime import UTC, datetime

    row = put("/ping", created_at=datetime(2026, 3, 1, 20, 30, tzinfo=UTC))
    page.force_login(alice)
    assert "4:30" in html(page, f"/admin/assistant/message/{row.pk}/change/")


def test_the_first_password_needs_no_old_one(page: Client, bob: Person) -> None:
    new = {"new_password1": PASSWORD, "new_password2": PASSWORD}
    assert page.post("/account/", new).status_code == 302
    assert Client().login(username="bob", password=PASSWORD)
    assert page.get("/chat/").status_code == 200
    assert page.post("/account/", new).status_code == 400


def test_a_change_needs_the_old_one_and_ends_other_sessions(page: Client, bob: Person) -> None:
    bob.set_password(PASSWORD)
    bob.save()
    page.force_login(bob)
    elsewhere = Client()
    elsewhere.force_login(bob)
    new = {"new_password1": PASSWORD + "!", "new_password2": PASSWORD + "!"}
    assert page.post("/account/", {"old_password": "wrong", **new}).status_code == 400
    assert page.post("/account/", {"old_password": PASSWORD, **new}).status_code == 302
    assert page.get("/chat/").status_code == 200
    assert not get_user(elsewhere).is_authenticated  # type: ignore[arg-type]


@pytest.mark.parametrize("weak", ["short", "password123"])
def test_a_weak_password_is_refused_with_the_reason(page: Client, weak: str) -> None:
    answer = page.post("/account/", {"new_password1": weak, "new_password2": weak})
    assert answer.status_code == 400
    assert 'class="problem"' in answer.content.decode()
