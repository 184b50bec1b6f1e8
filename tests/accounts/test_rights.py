"""Nothing is allowed by default, deny beats allow, and the database is asked each time."""

from __future__ import annotations

import pytest

from apps.accounts import authz, people, permissions, shipped
from apps.accounts.errors import Forbidden
from apps.accounts.models import Grant, Person, Role
from apps.accounts.permissions import InvalidPermission, covers, normalise, overlaps
from tests.accounts.made import SYSTEM, role


@pytest.mark.parametrize(
    "good",
    [
        "skill.host",
        "skill.*",
        "*",
        "model.use.qwen2.5:7b",
        "model.use.*",
        "approve.发布",
        "a.B-c_1",
    ],
)
def test_permissions_have_a_form(good: str) -> None:
    assert normalise(f" {good} ") == good


@pytest.mark.parametrize(
    "bad",
    [
        *("", "skill", "skill.", ".host", "skill..host", "skill.ho*", "*.host", "**", "skill.a b"),
        *("Skill.host", "skill.*.x", "skill.host\x00", "skill.host\u202e", "a.b|c"),
        "a." + "x" * 200,
    ],
)
def test_anything_else_is_refused(bad: str) -> None:
    with pytest.raises(InvalidPermission):
        normalise(bad)


@pytest.mark.parametrize(
    ("pattern", "permission", "expected"),
    [
        ("skill.host", "skill.host", True),
        ("skill.host", "skill.hosts", False),
        ("skill.*", "skill.host", True),
        ("skill.*", "skills.host", False),
        ("skill.*", "skill", False),
        ("skill.*", "skill.", False),
        ("skill.*", "skill.*", True),
        ("skill.*", "*", False),
        ("skill.host", "skill.*", False),
        ("model.*", "model.use.x", True),
        ("model.use.*", "model.see", False),
        ("*", "anything.at_all", True),
        ("*", "*", True),
    ],
)
def test_covers(pattern: str, permission: str, expected: bool) -> None:
    assert covers(pattern, permission) is expected
    assert not expected or pattern in permissions.coverers(permission)


def test_overlaps() -> None:
    assert overlaps("skill.host", "skill.*")
    assert overlaps("*", "skill.host")
    assert not overlaps("skill.host", "skill.ping")
    assert not overlaps("skill.*", "approve.*")


def test_the_shipped_roles(alice: Person, bob: Person, carol: Person) -> None:
    for name, label in (("operator", "运维"), ("auditor", "审计员")):
        assert Role.objects.get(name=name).label_zh == label
    dora = authz.add_person("dora", SYSTEM, roles=["operator"])
    eve = authz.add_person("eve", SYSTEM, roles=["auditor"])
    held = authz.rights([alice, bob, dora, eve])
    for name in shipped.MEMBER_SKILLS:
        assert held[bob.pk].allows(f"skill.{name}")
        assert held[dora.pk].allows(f"skill.{name}")
        assert not held[eve.pk].allows(f"skill.{name}")
    assert not held[bob.pk].allows("skill.host")
    assert not held[bob.pk].allows("console.view")
    for permission in ("skill.host", "skill.cleanup", "console.flower", "schedule.manage"):
        assert held[dora.pk].allows(permission)
    assert not held[dora.pk].allows("console.permissions")
    assert not held[dora.pk].allows("audit.read")
    assert held[eve.pk].allows("audit.read")
    assert held[eve.pk].allows("console.view")
    assert held[alice.pk].allows("console.permissions")
    assert held[alice.pk].allows("model.use.x")


def test_shipped_roles_are_made_once_and_changes_stay(
    alice: Person, bob: Person, carol: Person
) -> None:
    authz.revoke("member", "skill.echo", SYSTEM)
    assert shipped.ensure_roles() == []
    assert not authz.may(bob, "skill.echo").allowed


def test_a_decision_names_its_grant(alice: Person, bob: Person, carol: Person) -> None:
    granted = authz.may(bob, "skill.ping")
    assert (granted.allowed, granted.reason, granted.role) == (True, "granted", "member")
    assert Grant.objects.get(pk=granted.grant_id).permission == "skill.ping"
    missing = authz.may(bob, "skill.host")
    assert (missing.allowed, missing.reason, missing.grant_id) == (False, "missing", None)
    role("quiet", deny=("skill.*",))
    people.add_role(bob, "quiet", SYSTEM)
    denied = authz.may(bob, "skill.ping")
    assert (denied.allowed, denied.reason, denied.role) == (False, "denied", "quiet")


def test_deny_beats_allow_across_roles(alice: Person, bob: Person, carol: Person) -> None:
    role("no_host", deny=("skill.host",))
    people.add_role(alice, "no_host", SYSTEM)
    held = authz.rights([alice])[alice.pk]
    assert not held.allows("skill.host")
    assert not held.allows("skill.*")
    assert not held.allows("*")
    assert held.allows("skill.ping")


def test_rights_are_what_the_database_says_now(
    alice: Person, bob: Person, carol: Person, django_assert_num_queries
) -> None:
    assert authz.may(bob, "skill.ping").allowed
    Grant.objects.filter(permission="skill.ping", role__name="member").delete()
    assert not authz.may(bob, "skill.ping").allowed
    assert not bob.has_perm("skill.ping")
    assert authz.may(bob, "skill.echo").allowed
    Person.objects.filter(pk=bob.pk).update(is_active=False)
    assert bob.is_active  # the object in hand is older than the database
    assert not authz.may(bob, "skill.echo").allowed
    with django_assert_num_queries(2):
        found = authz.rights([alice, bob, carol, Person(pk=999_999)])
    assert found[999_999].allow == ()
    with django_assert_num_queries(0):
        assert authz.rights([]) == {}


def test_require_raises_with_a_sentence(alice: Person, bob: Person, carol: Person) -> None:
    authz.require(bob, "skill.ping")
    with pytest.raises(Forbidden) as caught:
        authz.require(bob, "skill.host")
    assert caught.value.http_status == 403
    assert "skill.host" in caught.value.text("en")
    assert "Alice" in caught.value.text("zh-hans")


def test_a_refusal_names_what_is_missing_and_who_gives_it(
    alice: Person, bob: Person, carol: Person
) -> None:
    decision = authz.may(bob, "skill.host")
    chinese = authz.refusal(decision, "zh-hans")
    english = authz.refusal(decision, "en")
    assert "/host" in chinese
    assert "skill.host" in chinese
    assert "Alice" in chinese
    assert "/host" in english
    assert "skill.host" in english
    assert "Alice" in english
    assert "主机" in authz.refusal(decision, "zh-hans", "主机")
    assert "carol" not in english
    role("quiet", deny=("skill.ping",))
    people.add_role(bob, "quiet", SYSTEM)
    assert "quiet" in authz.refusal(authz.may(bob, "skill.ping"), "zh")


def test_who_can_give(alice: Person, bob: Person, carol: Person) -> None:
    assert authz.who_can_give("skill.host") == ["Alice"]
    role("security", "console.permissions")
    sam = authz.add_person("sam", SYSTEM, roles=["security"], display_name="Sam S")
    assert authz.who_can_give("skill.host") == ["Alice"]  # Sam does not hold it himself
    authz.allow("security", "skill.host", SYSTEM)
    assert authz.who_can_give("skill.host") == ["Alice", "Sam S"]
    people.disable_person(alice, SYSTEM)
    assert authz.who_can_give("skill.cleanup") == ["Sam S"]
    people.disable_person(sam, SYSTEM)
    assert authz.who_can_give("skill.host") == []
    assert "machine" in authz.refusal(authz.may(bob, "skill.host"), "en")


def test_holders(alice: Person, bob: Person, carol: Person) -> None:
    assert authz.holders("skill.ping") == ["alice", "bob", "carol"]
    assert authz.holders("approve.host") == ["alice"]
    role("quiet", deny=("skill.*",))
    people.add_role(carol, "quiet", SYSTEM)
    people.disable_person(bob, SYSTEM)
    assert authz.holders("skill.ping") == ["alice"]
