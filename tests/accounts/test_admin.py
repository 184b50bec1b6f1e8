"""The console's pages of people and rights call the actions, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from apps.accounts import authz, identity, people, tokens
from apps.accounts.models import (
    ApiToken,
    Binding,
    Department,
    Grant,
    PairingCode,
    Person,
    Role,
    SignInLink,
)
from apps.audit.models import AuditRow
from apps.core.clock import utcnow
from apps.im.models import Bot
from tests.accounts.made import SYSTEM, person, role

BASE = "/admin/accounts"


@pytest.fixture
def bot(db: None) -> Bot:
    return Bot.objects.create(slug="office", platform="feishu")


def console(who: Person) -> Client:
    client = Client()
    client.force_login(who)
    return client


def last() -> AuditRow:
    return AuditRow.objects.latest("id")


def form_of(who: Person, **changes: Any) -> dict[str, Any]:
    """What a browser sends for the page of a person."""
    data: dict[str, Any] = {
        "name": who.name,
        "display_name": who.display_name,
        "email": who.email,
        "language": who.language,
        "department": who.department_id or "",
        "role_set": [role.pk for role in who.roles.all()],
        "is_active": "on" if who.is_active else "",
        **changes,
    }
    for prefix in ("bindings", "tokens"):
        data |= {f"{prefix}-TOTAL_FORMS": "0", f"{prefix}-INITIAL_FORMS": "0"}
    return data


def errors(response: Any) -> str:
    assert response.status_code == 200, response
    form = response.context["adminform"].form
    assert form.errors
    return str(form.errors)


@pytest.mark.parametrize(
    "model",
    ["person", "role", "grant", "binding", "apitoken", "pairingcode", "signinlink", "department"],
)
def test_every_page_opens(alice: Person, bob: Person, bot: Bot, model: str) -> None:
    identity.bind(bob, bot, "ou_b", SYSTEM)
    tokens.create(bob, "x", SYSTEM)
    identity.pairing_code(bot.pk, "ou_m", "M", utcnow())
    identity.sign_in_link(bob)
    auditor = person("eve", "auditor")
    rows = {
        "person": Person, "role": Role, "grant": Grant, "binding": Binding, "apitoken": ApiToken,
        "pairingcode": PairingCode, "signinlink": SignInLink, "department": Department,
    }  # fmt: skip
    key = rows[model]._default_manager.order_by("-pk")[0].pk
    for who in (alice, auditor):
        assert console(who).get(f"{BASE}/{model}/").status_code == 200
        assert console(who).get(f"{BASE}/{model}/?q=x").status_code == 200
        assert console(who).get(f"{BASE}/{model}/{key}/change/").status_code == 200
    can_add = model not in {"pairingcode", "signinlink"}
    assert console(alice).get(f"{BASE}/{model}/add/").status_code == (200 if can_add else 403)
    assert console(auditor).get(f"{BASE}/{model}/add/").status_code == 403
    assert console(auditor).post(f"{BASE}/{model}/{key}/delete/", {"post": "y"}).status_code == 403
    assert console(bob).get(f"{BASE}/{model}/").status_code in (302, 403)


def test_secrets_are_never_shown(alice: Person, bob: Person, bot: Bot) -> None:
    token, secret = tokens.create(bob, "x", SYSTEM)
    identity.pairing_code(bot.pk, "ou_m", "M", utcnow())
    identity.sign_in_link(bob)
    people.set_password(bob, "a long enough one", bob)
    hidden = [
        bob.password,
        token.token_hash,
        secret,
        PairingCode.objects.get().code_hash,
        SignInLink.objects.get().token_hash,
    ]
    for row in (bob, token, PairingCode.objects.get(), SignInLink.objects.get()):
        name = row._meta.model_name
        for page in (f"{BASE}/{name}/", f"{BASE}/{name}/{row.pk}/change/"):
            html = console(alice).get(page).content.decode()
            assert not any(word in html for word in hidden)


def test_adding_a_person(alice: Person, roles: dict[str, Role]) -> None:
    data = {
        "name": "dora",
        "display_name": "Dora",
        "email": "",
        "language": "en",
        "department": "",
        "role_set": [roles["member"].pk],
        "is_active": "on",
    }
    assert console(alice).post(f"{BASE}/person/add/", data).status_code == 302
    dora = Person.objects.get(name="dora")
    assert [r.name for r in dora.roles.all()] == ["member"]
    assert not dora.has_usable_password()
    rows = AuditRow.objects.filter(object_type="person", object_id=str(dora.pk)).order_by("id")
    assert [(row.action, row.actor) for row in rows] == [
        ("person.added", f"person:{alice.pk}"),
        ("person.role_added", f"person:{alice.pk}"),
    ]
    assert "dora" in errors(console(alice).post(f"{BASE}/person/add/", data))
    errors(console(alice).post(f"{BASE}/person/add/", {**data, "name": "eve\u202e"}))
    errors(console(alice).post(f"{BASE}/person/add/", {**data, "name": "ALICE"}))
    assert Person.objects.count() == 2


def test_changing_a_person(alice: Person, bob: Person, roles: dict[str, Role]) -> None:
    page = f"{BASE}/person/{bob.pk}/change/"
    wanted = [roles["member"].pk, roles["auditor"].pk]
    data = form_of(bob, display_name="Bobby", role_set=wanted, name="renamed")
    assert console(alice).post(page, data).status_code == 302
    bob.refresh_from_db()
    assert (bob.name, bob.display_name) == ("bob", "Bobby")
    assert authz.may(bob, "audit.read").allowed
    actions = list(AuditRow.objects.order_by("-id").values_list("action", flat=True)[:2])
    assert actions == ["person.role_added", "person.changed"]
    assert console(alice).post(page, form_of(bob, role_set=[])).status_code == 302
    assert not bob.roles.exists()
    assert console(alice).post(page, form_of(bob, is_active="")).status_code == 302
    assert last().action == "person.disabled"
    bob.refresh_from_db()
    assert not bob.is_active
    assert console(alice).post(page, form_of(bob, is_active="on")).status_code == 302
    assert last().action == "person.enabled"


def test_nobody_gives_themselves_or_more_than_they_hold(
    alice: Person, bob: Person, roles: dict[str, Role]
) -> None:
    hr = person("hr", role("hr", "console.view", "console.accounts", "skill.*"))
    before = AuditRow.objects.count()
    more = form_of(bob, role_set=[roles["administrator"].pk, roles["member"].pk])
    shown = errors(console(hr).post(f"{BASE}/person/{bob.pk}/change/", more))
    assert "*" in shown
    own = form_of(hr, role_set=[*(r.pk for r in hr.roles.all()), roles["member"].pk])
    errors(console(hr).post(f"{BASE}/person/{hr.pk}/change/", own))
    errors(
        console(alice).post(
            f"{BASE}/person/{alice.pk}/change/",
            form_of(alice, role_set=[*(r.pk for r in alice.roles.all()), roles["operator"].pk]),
        )
    )
    lesser = form_of(alice, role_set=[roles["member"].pk])
    errors(console(hr).post(f"{BASE}/person/{alice.pk}/change/", lesser))
    errors(console(alice).post(f"{BASE}/person/{alice.pk}/change/", form_of(alice, is_active="")))
    assert AuditRow.objects.count() == before
    assert {r.name for r in bob.roles.all()} == {"member"}
    assert authz.may(hr, "skill.ping").allowed


def test_a_reader_changes_nothing(bob: Person, roles: dict[str, Role]) -> None:
    eve = person("eve", "auditor")
    page = f"{BASE}/person/{bob.pk}/change/"
    assert "member" in console(eve).get(page).content.decode()
    assert console(eve).post(page, form_of(bob, display_name="x")).status_code == 403
    assert console(eve).post(f"{BASE}/role/add/", {"name": "x"}).status_code == 403
    data = {"action": "disable", "_selected_action": [bob.pk]}
    console(eve).post(f"{BASE}/person/", data)
    assert Person.objects.get(pk=bob.pk).is_active


@pytest.mark.parametrize("lookup", ["password", "password__startswith", "password__regex"])
def test_a_reader_cannot_find_out_a_hash_by_filtering(
    alice: Person, roles: dict[str, Role], lookup: str
) -> None:
    assert (
        console(person("eve", "auditor")).get(f"{BASE}/person/", {lookup: "m"}).status_code == 400
    )


def test_a_role_with_its_grants(alice: Person, bob: Person) -> None:
    data = {
        "name": "ops",
        "label_zh": "运维组",
        "label_en": "Ops",
        "allow": "skill.host\r\nskill.cleanup\r\n",
        "deny": "skill.echo",
    }
    assert console(alice).post(f"{BASE}/role/add/", data).status_code == 302
    ops = Role.objects.get(name="ops")
    assert set(ops.grants.values_list("effect", "permission")) == {
        ("allow", "skill.host"),
        ("allow", "skill.cleanup"),
        ("deny", "skill.echo"),
    }
    page = f"{BASE}/role/{ops.pk}/change/"
    assert "skill.cleanup" in console(alice).get(page).content.decode()
    data |= {"allow": "skill.host approve.host", "deny": ""}
    assert console(alice).post(page, data).status_code == 302
    assert set(ops.grants.values_list("effect", "permission")) == {
        ("allow", "skill.host"),
        ("allow", "approve.host"),
    }
    for bad in ("host", "skill.ho*", "skill.host, x"):
        errors(console(alice).post(page, {**data, "allow": bad}))
    sam = person("sam", role("security", "console.view", "console.permissions"))
    assert "skill.ping" in errors(console(sam).post(page, {**data, "allow": "skill.ping"}))
    people.add_role(sam, ops, SYSTEM)
    errors(console(sam).post(page, {**data, "allow": "skill.host console.view"}))
    assert ops.grants.count() == 2


def test_the_last_administrator_stays(alice: Person, roles: dict[str, Role]) -> None:
    page = f"{BASE}/role/{roles['administrator'].pk}/change/"
    data = {"label_zh": "x", "label_en": "x", "allow": "", "deny": ""}
    errors(console(alice).post(page, data))
    assert authz.may(alice, "console.permissions").allowed
    grant = roles["administrator"].grants.get()
    response = console(alice).post(f"{BASE}/grant/{grant.pk}/delete/", {"post": "yes"}, follow=True)
    assert response.status_code == 200
    assert authz.may(alice, "console.permissions").allowed


def test_deleting_roles(alice: Person, bob: Person, roles: dict[str, Role]) -> None:
    ops = role("ops", "skill.host")
    member = roles["member"]
    assert console(alice).post(f"{BASE}/role/{ops.pk}/delete/", {"post": "y"}).status_code == 302
    assert last().action == "role.deleted"
    denied = console(alice).post(f"{BASE}/role/{member.pk}/delete/", {"post": "y"})
    assert denied.status_code == 403
    data = {"action": "delete_selected", "_selected_action": [member.pk], "post": "yes"}
    console(alice).post(f"{BASE}/role/", data)
    assert Role.objects.filter(name="member").exists()
    assert console(alice).post(f"{BASE}/person/{bob.pk}/delete/").status_code == 403


def test_grants_and_bindings(alice: Person, bob: Person, bot: Bot) -> None:
    ops = role("ops")
    data = {"role": ops.pk, "effect": "allow", "permission": " skill.host "}
    assert console(alice).post(f"{BASE}/grant/add/", data).status_code == 302
    grant = ops.grants.get()
    assert grant.permission == "skill.host"
    assert last().action == "role.allow"
    assert console(alice).post(f"{BASE}/grant/{grant.pk}/change/", data).status_code == 403
    data = {"action": "delete_selected", "_selected_action": [grant.pk], "post": "yes"}
    console(alice).post(f"{BASE}/grant/", data)
    assert last().action == "role.revoke_allow"
    assert not ops.grants.exists()
    data = {"person": bob.pk, "bot": bot.pk, "external_id": "ou_b"}
    assert console(alice).post(f"{BASE}/binding/add/", data).status_code == 302
    binding = Binding.objects.get()
    assert last().action == "person.bound"
    hr = person("hr", role("hr", "console.view", "console.accounts", "skill.*"))
    shown = {"person": alice.pk, "bot": bot.pk, "external_id": "ou_hr"}
    errors(console(hr).post(f"{BASE}/binding/add/", shown))
    errors(console(alice).post(f"{BASE}/binding/add/", {**data, "person": alice.pk}))
    console(alice).post(f"{BASE}/binding/{binding.pk}/delete/", {"post": "yes"})
    assert last().action == "person.unbound"
    assert not Binding.objects.exists()


def test_tokens_are_shown_once(alice: Person, bob: Person) -> None:
    data = {"person": bob.pk, "name": "reports", "expires_at_0": "", "expires_at_1": ""}
    page = console(alice).post(f"{BASE}/apitoken/add/", data, follow=True).content.decode()
    secret = "clawdbot_" + page.split("clawdbot_", 1)[1][:43]
    assert tokens.find(secret) == bob
    row = ApiToken.objects.get()
    assert secret not in console(alice).get(f"{BASE}/apitoken/{row.pk}/change/").content.decode()
    console(alice).post(f"{BASE}/apitoken/{row.pk}/delete/", {"post": "yes"})
    assert tokens.find(secret) is None
    assert last().action == "token.revoked"


def test_links_and_leavers(alice: Person, bob: Person) -> None:
    data = {"action": "make_link", "_selected_action": [bob.pk]}
    page = console(alice).post(f"{BASE}/person/", data, follow=True).content.decode()
    secret = page.split("/sign-in/", 1)[1][:43]
    assert identity.redeem_link(secret) == bob
    data["action"] = "disable"
    console(alice).post(f"{BASE}/person/", data)
    assert not Person.objects.get(pk=bob.pk).is_active
    data["_selected_action"] = [alice.pk]
    answer = console(alice).post(f"{BASE}/person/", data, follow=True)
    assert answer.status_code == 200
    assert Person.objects.get(pk=alice.pk).is_active


def test_departments(alice: Person) -> None:
    console(alice).post(f"{BASE}/department/add/", {"name": "Lab", "parent": ""})
    lab = Department.objects.get(name="Lab")
    assert (last().action, last().actor) == ("department.added", f"person:{alice.pk}")
    console(alice).post(f"{BASE}/department/{lab.pk}/delete/", {"post": "yes"})
    assert last().action == "department.deleted"
