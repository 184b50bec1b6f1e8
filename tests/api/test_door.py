"""Who gets into the API, and what refusals look like."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.management import call_command
from django.test import Client

from apps.accounts.models import ApiToken, Person
from apps.core.clock import utcnow
from tests.api.conftest import JSON, Program


def test_a_token_opens(as_bob: Program) -> None:
    assert as_bob.get("me/").json()["name"] == "bob"
    assert as_bob.get("me").status_code == 200  # a slash at the end is no matter


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Bearer clawdbot_wrong", "Basic Ym9iOng=", "Bearer \xff"]
)
def test_nothing_else_does(client: Client, as_bob: Program, header: str) -> None:
    answer = client.get("/api/v1/me/", headers={"authorization": header})
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith("Bearer")
    assert set(answer.json()) == {"error", "detail"}


def test_a_token_of_somebody_disabled_or_expired_is_worthless(as_bob: Program) -> None:
    ApiToken.objects.update(expires_at=utcnow() - timedelta(seconds=1))
    assert as_bob.get("me/").status_code == 401
    ApiToken.objects.update(expires_at=None)
    assert as_bob.get("me/").status_code == 200
    Person.objects.filter(name="bob").update(is_active=False)
    assert as_bob.get("me/").status_code == 401


def test_a_session_opens_but_posts_only_from_our_page(bob: Person) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(bob)
    assert browser.get("/api/v1/me/").status_code == 200
    asked = browser.post("/api/v1/ask/", {"text": "/ping"}, content_type=JSON)
    assert asked.status_code == 403
    assert "CSRF" in asked.json()["detail"]
    token = browser.get("/chat/").cookies["csrftoken"].value
    headers = {"X-CSRFToken": token}
    asked = browser.post("/api/v1/ask/", {"text": "/ping"}, content_type=JSON, headers=headers)
    assert asked.status_code == 202


def test_a_bad_token_is_not_helped_by_a_session(bob: Person) -> None:
    browser = Client(headers={"authorization": "Bearer clawdbot_wrong"})
    browser.force_login(bob)
    assert browser.get("/api/v1/me/").status_code == 401


def test_refusals_speak_the_person_s_language(as_bob: Program, bob: Person) -> None:
    assert "没有" in as_bob.get("jobs/NOSUCH12/").json()["detail"]
    Person.objects.filter(pk=bob.pk).update(language="en")
    answer = as_bob.get("jobs/NOSUCH12/")
    assert answer.status_code == 404
    assert answer.json() == {
        "error": "not_found",
        "detail": "There is no such thing, or it is somebody else's.",
    }
    assert as_bob.post("ask/", {}).json()["detail"].startswith("text: This field")


@pytest.mark.parametrize("raw", ["", "{", "[]", '"x"', "null"])
def test_odd_bodies_are_refused(as_bob: Program, raw: str) -> None:
    answer = as_bob.client.post("/api/v1/ask/", raw, content_type=JSON)
    assert answer.status_code == 400
    assert answer.json()["error"] in ("invalid", "parse_error")
    assert answer.json()["detail"]


def test_other_methods_and_media_are_refused_in_the_same_form(as_bob: Program) -> None:
    wrong = as_bob.client.put("/api/v1/ask/", "{}", content_type=JSON)
    assert (wrong.status_code, wrong.json()["error"]) == (405, "method_not_allowed")
    form = as_bob.client.post("/api/v1/ask/", {"text": "/ping"})
    assert (form.status_code, form.json()["error"]) == (415, "unsupported_media_type")


def test_the_document_and_its_page_need_a_sign_in(client: Client, bob: Person) -> None:
    assert client.get("/api/schema/").status_code == 401
    assert client.get("/api/docs/")["Location"] == "/sign-in/?next=/api/docs/"
    client.force_login(bob)
    assert "/api/v1/ask/" in client.get("/api/schema/").content.decode()
    html = client.get("/api/docs/").content.decode()
    assert "/static/drf_spectacular_sidecar/" in html
    assert "//cdn" not in html


def test_the_document_is_valid_and_complete(tmp_path: object) -> None:
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", f"{tmp_path}/schema.yml")
