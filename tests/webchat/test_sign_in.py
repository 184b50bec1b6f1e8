"""Signing in by password and by one-time link, and being slow for whoever guesses."""

from __future__ import annotations

import pytest
from django.test import Client

from apps.accounts import identity
from apps.accounts.models import Person, SignInLink
from apps.audit.models import AuditRow
from apps.core.clock import utcnow
from tests.services import redis

PASSWORD = "a long and quiet river"


@pytest.fixture
def known(bob: Person) -> Person:
    bob.set_password(PASSWORD)
    bob.save()
    return bob


def enter(client: Client, name: str, password: str, **more: str) -> int:
    data = {"name": name, "password": password}
    return client.post("/sign-in/", data, **more).status_code


def signed_in(client: Client) -> bool:
    return client.get("/chat/").status_code == 200


def test_the_form_tells_how_to_get_a_link(client: Client) -> None:
    page = client.get("/sign-in/").content.decode()
    assert "manage.py person signin" in page


def test_a_right_password_signs_in_and_is_audited(client: Client, known: Person) -> None:
    assert enter(client, "bob", PASSWORD) == 302
    assert signed_in(client)
    row = AuditRow.objects.get(action="person.signed_in")
    assert (row.actor, row.outcome) == (f"person:{known.pk}", "ok")
    assert row.data["way"] == "password"


@pytest.mark.parametrize(("name", "password"), [("bob", "wrong"), ("nobody", PASSWORD), ("", "")])
def test_a_wrong_one_does_not(client: Client, known: Person, name: str, password: str) -> None:
    assert enter(client, name, password) == 403
    assert not signed_in(client)


def test_what_is_no_name_is_not_kept(client: Client, known: Person) -> None:
    enter(client, "my secret typed into the wrong box", "x")
    row = AuditRow.objects.get(action="person.signed_in", outcome="refused")
    assert "secret" not in f"{row.object_label}{row.data}{row.actor}{row.actor_label}"


def test_a_disabled_person_stays_out(client: Client, known: Person) -> None:
    Person.objects.update(is_active=False)
    assert enter(client, "bob", PASSWORD) == 403


@pytest.mark.parametrize("there", ["/admin/", "/chat/?x=1"])
def test_it_goes_on_to_the_page_asked_for(client: Client, known: Person, there: str) -> None:
    answer = client.post("/sign-in/", {"name": "bob", "password": PASSWORD, "next": there})
    assert answer["Location"] == there


@pytest.mark.parametrize(
    "there", ["https://evil.example/", "//evil.example", "javascript:alert(1)"]
)
def test_it_goes_on_to_no_other_site(client: Client, known: Person, there: str) -> None:
    answer = client.post("/sign-in/", {"name": "bob", "password": PASSWORD, "next": there})
    assert answer["Location"] == "/chat/"


def test_ten_wrong_passwords_close_the_door_for_a_while(client: Client, known: Person) -> None:
    assert [enter(client, "bob", "wrong") for _ in range(11)] == [403] * 10 + [429]
    assert enter(client, "Bob ", PASSWORD) == 429
    refused = client.post("/sign-in/", {"name": "bob", "password": PASSWORD})
    assert refused["Retry-After"] == "900"
    assert not signed_in(client)


def test_another_name_and_another_address_may_still_try(client: Client, known: Person) -> None:
    for _ in range(11):
        enter(client, "bob", "wrong")
    assert enter(client, "carol", "wrong") == 403
    assert enter(client, "bob", PASSWORD, REMOTE_ADDR="10.1.2.3") == 302


def test_a_whole_network_of_addresses_is_one_guesser(client: Client, known: Person) -> None:
    tries = [enter(client, "bob", "wrong", REMOTE_ADDR=f"2001:db8:1:2::{n:x}") for n in range(11)]
    assert tries[-1] == 429
    assert enter(client, "bob", PASSWORD, REMOTE_ADDR="2001:db8:1:3::1") == 302


def test_right_passwords_do_not_count(client: Client, known: Person) -> None:
    assert [enter(client, "bob", PASSWORD) for _ in range(12)] == [302] * 12


def test_the_door_stays_guarded_while_redis_is_away(
    client: Client, known: Person, redis_server: redis.Redis | redis.Named
) -> None:
    if isinstance(redis_server, redis.Named):
        pytest.skip("a server that somebody named is not stopped")
    redis_server.stop()
    assert enter(client, "bob", PASSWORD) == 302
    assert [enter(client, "bob", "wrong") for _ in range(11)][-1] == 429


def test_looking_at_a_link_does_not_use_it_up(client: Client, known: Person) -> None:
    link = identity.sign_in_link(known)
    for _ in range(3):
        page = client.get(link)
        assert page.status_code == 200
        assert "bob" in page.content.decode()
    assert not signed_in(client)
    assert client.post(link).status_code == 302
    assert signed_in(client)


def test_a_link_works_once(client: Client, known: Person) -> None:
    link = identity.sign_in_link(known)
    client.post(link)
    for answer in (Client().get(link), Client().post(link)):
        assert answer.status_code == 410
        assert "manage.py person signin" in answer.content.decode()


def test_an_old_link_works_no_more(client: Client, known: Person) -> None:
    link = identity.sign_in_link(known)
    SignInLink.objects.update(expires_at=utcnow())
    assert client.post(link).status_code == 410
    assert not signed_in(client)


def test_links_and_forms_want_our_own_page(known: Person) -> None:
    strict = Client(enforce_csrf_checks=True)
    assert enter(strict, "bob", PASSWORD) == 403
    assert strict.post(identity.sign_in_link(known)).status_code == 403


def test_signing_out_needs_a_click(page: Client) -> None:
    assert page.get("/sign-out/").status_code == 405
    assert signed_in(page)
    page.post("/sign-out/")
    assert not signed_in(page)


def test_a_nul_is_refused_before_a_database_sees_it(client: Client, known: Person) -> None:
    assert enter(client, "b\0ob\0", "x\0") == 403
    assert client.get("/chat/", headers={"cookie": r'sessionid="\000abcdefgh"'}).status_code == 400
    assert client.get("/sign-in/a%00b/").status_code == 400
    client.force_login(known)
    assert client.get("/chat/items/?message=%00").status_code == 400
