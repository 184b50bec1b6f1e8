"""Django's questions are answered from our grants."""

from __future__ import annotations

import pytest
from django.contrib.auth import authenticate

from apps.accounts import people
from apps.accounts.backends import GrantBackend
from apps.accounts.models import Grant, Person
from tests.accounts.made import SYSTEM, person, role

PASSWORD = "correct horse battery"


def test_name_and_password(alice: Person, bob: Person) -> None:
    people.set_password(bob, PASSWORD, bob)
    assert authenticate(None, username="bob", password=PASSWORD) == bob
    assert authenticate(None, name="bob", password=PASSWORD) == bob
    assert authenticate(None, username="bob", password="wrong") is None
    assert authenticate(None, username="nobody", password=PASSWORD) is None
    assert authenticate(None, username="alice", password="") is None
    assert authenticate(None, username="alice", password="!") is None
    backend = GrantBackend()
    assert backend.get_user(bob.pk) == bob
    people.disable_person(bob, SYSTEM)
    assert authenticate(None, username="bob", password=PASSWORD) is None
    assert backend.get_user(bob.pk) is None
    assert backend.get_user(10**9) is None


@pytest.mark.parametrize(
    ("grants", "yes", "no"),
    [
        (
            ["console.view"],
            ["accounts.view_person", "im.view_bot", "sessions.view_session", "console.view"],
            ["audit.view_auditrow", "accounts.change_person", "accounts.add_person", "audit.read"],
        ),
        (["audit.read"], ["audit.view_auditrow", "audit.view_seal"], ["im.view_bot"]),
        (
            ["console.accounts"],
            ["accounts.add_person", "accounts.change_role", "accounts.delete_binding"],
            ["im.change_bot", "accounts.view_person", "console.permissions"],
        ),
        (["console.permissions"], ["accounts.change_role"], ["im.change_bot"]),
        (
            ["console.im"],
            ["im.add_bot", "im.change_bot", "im.delete_bot"],
            ["accounts.change_person", "assistant.change_job"],
        ),
        (["console.schedules"], ["schedules.change_schedule"], ["assistant.change_job"]),
        (["console.assistant"], ["assistant.change_job"], ["schedules.change_schedule"]),
        (["skill.host"], ["skill.host"], ["skill.ping", "nonsense", "", "no.such_thing"]),
    ],
)
def test_djangos_names(db: None, grants: list[str], yes: list[str], no: list[str]) -> None:
    eve = person("eve", role("r", *grants))
    assert [name for name in yes if not eve.has_perm(name)] == []
    assert [name for name in no if eve.has_perm(name)] == []
    assert eve.has_perms(yes)
    assert not eve.has_perms([*yes, *no])


def test_an_administrator_may_everything_but_write_the_audit(alice: Person) -> None:
    for name in ("im.add_bot", "accounts.delete_role", "audit.view_seal", "skill.anything"):
        assert alice.has_perm(name)
    for action in ("add", "change", "delete"):
        assert not alice.has_perm(f"audit.{action}_auditrow")


def test_who_is_staff(alice: Person, bob: Person) -> None:
    eve = person("eve", "auditor")
    assert alice.is_staff
    assert eve.is_staff
    assert not bob.is_staff
    assert eve.has_module_perms("audit")
    assert eve.has_module_perms("im")
    assert not bob.has_module_perms("im")
    assert not alice.is_superuser


def test_nothing_is_kept(bob: Person) -> None:
    assert bob.has_perm("skill.ping")
    Grant.objects.filter(permission="skill.ping", role__name="member").delete()
    assert not bob.has_perm("skill.ping")
    assert bob.has_perm("skill.echo")
    Person.objects.filter(pk=bob.pk).update(is_active=False)
    assert not bob.has_perm("skill.echo")
    assert not Person(name="unsaved").has_perm("skill.echo")
