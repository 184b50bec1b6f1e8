"""Changes of rights: audited, undone as a whole, and nobody gives what they do not hold."""

from __future__ import annotations

import pytest

from apps.accounts import authz, grants, people
from apps.accounts.errors import (
    Forbidden,
    InvalidEmail,
    InvalidName,
    InvalidPassword,
    LastAdministrator,
    NameTaken,
    Shipped,
    UnknownName,
)
from apps.accounts.models import Grant, Person, Role, SignInLink
from apps.accounts.permissions import InvalidPermission
from apps.audit.actor import Actor
from apps.audit.models import AuditRow
from tests.accounts.made import SYSTEM, person, role


def actions() -> list[str]:
    return list(AuditRow.objects.order_by("id").values_list("action", flat=True))


def last() -> AuditRow:
    return AuditRow.objects.latest("id")


def test_allow_deny_revoke_are_audited_once(alice: Person) -> None:
    role("ops")
    before = len(actions())
    for _ in range(2):
        authz.allow("ops", " skill.host ", alice)
    row = last()
    assert (row.action, row.actor, row.data) == (
        "role.allow",
        f"person:{alice.pk}",
        {"permission": "skill.host"},
    )
    assert (row.object_type, row.object_label) == ("role", "ops")
    authz.deny("ops", "skill.host", alice)
    assert authz.revoke("ops", "skill.host", alice) == 2
    assert authz.revoke("ops", "skill.host", alice) == 0
    assert actions()[before:] == [
        "role.allow",
        "role.deny",
        "role.revoke_allow",
        "role.revoke_deny",
    ]
    assert not Grant.objects.filter(role__name="ops").exists()


def test_one_effect_can_be_revoked(alice: Person) -> None:
    made = role("ops", "skill.host", deny=("skill.host",))
    assert authz.revoke(made, "skill.host", SYSTEM, effect="deny") == 1
    assert made.grants.get().effect == "allow"


def test_only_who_manages_rights_changes_them(bob: Person) -> None:
    made = role("ops", "skill.ping")
    hr = person("hr", role("hr", "console.accounts", "skill.*"))
    for actor in (bob, hr, Actor.stranger("feishu", "ou_x")):
        for change in (authz.allow, authz.deny, authz.revoke):
            with pytest.raises(Forbidden):
                change(made, "skill.ping", actor)
        with pytest.raises(Forbidden):
            grants.add_role_named("mine", actor)
        with pytest.raises(Forbidden):
            grants.delete_role(made, actor)
        with pytest.raises(Forbidden):
            grants.relabel(made, "x", "x", actor)
    assert [g.permission for g in made.grants.all()] == ["skill.ping"]


def test_nobody_gives_what_they_do_not_hold(bob: Person) -> None:
    sam = person("sam", role("security", "console.permissions", "skill.ping"))
    made = role("ops")
    authz.allow(made, "skill.ping", sam)
    for more in ("skill.host", "skill.*", "*", "console.*"):
        with pytest.raises(Forbidden) as caught:
            authz.allow(made, more, sam)
        assert more in caught.value.text("en")
    with pytest.raises(Forbidden):
        people.add_role(bob, role("admin2", "*"), sam)
    people.add_role(bob, made, sam)
    assert [g.permission for g in made.grants.all()] == ["skill.ping"]


def test_a_denied_part_keeps_the_whole_from_being_given(alice: Person) -> None:
    people.add_role(alice, role("no_host", deny=("skill.host",)), SYSTEM)
    made = role("ops")
    authz.allow(made, "skill.ping", alice)
    for more in ("skill.host", "skill.*", "*"):
        with pytest.raises(Forbidden):
            authz.allow(made, more, alice)


def test_nobody_gives_to_themselves(alice: Person, bob: Person) -> None:
    with pytest.raises(Forbidden):
        authz.allow("administrator", "skill.host", alice)
    with pytest.raises(Forbidden):
        people.add_role(alice, "operator", alice)
    muzzle = role("muzzle", deny=("skill.host",))
    people.add_role(alice, muzzle, SYSTEM)
    with pytest.raises(Forbidden):
        authz.revoke(muzzle, "skill.host", alice)
    with pytest.raises(Forbidden):
        people.remove_role(alice, muzzle, alice)
    with pytest.raises(Forbidden):
        grants.delete_role(muzzle, alice)
    assert not authz.may(alice, "skill.host").allowed


def test_taking_a_denial_back_is_giving(bob: Person) -> None:
    sam = person("sam", role("security", "console.permissions"))
    muzzle = role("muzzle", deny=("skill.ping",))
    people.add_role(bob, muzzle, SYSTEM)
    with pytest.raises(Forbidden):
        authz.revoke(muzzle, "skill.ping", sam)
    with pytest.raises(Forbidden):
        people.remove_role(bob, muzzle, sam)
    with pytest.raises(Forbidden):
        grants.delete_role(muzzle, sam)
    assert not authz.may(bob, "skill.ping").allowed
    assert actions()[-1] == "person.role_added"


def test_somebody_can_always_give_rights(alice: Person, bob: Person) -> None:
    with pytest.raises(LastAdministrator):
        people.disable_person(alice, alice)
    with pytest.raises(LastAdministrator):
        people.remove_role(alice, "administrator", alice)
    with pytest.raises(LastAdministrator):
        authz.deny("administrator", "console.permissions", alice)
    with pytest.raises(LastAdministrator):
        authz.deny("member", "*", alice)
    with pytest.raises(LastAdministrator):
        authz.revoke("administrator", "*", alice)
    assert authz.may(alice, "console.permissions").allowed
    assert Person.objects.get(pk=alice.pk).is_active
    people.add_role(bob, "administrator", alice)
    people.remove_role(alice, "administrator", alice)
    assert not authz.may(alice, "skill.host").allowed
    people.disable_person(bob, SYSTEM)  # the installation may lock everybody out, and in again


def test_roles_are_added_and_deleted(alice: Person, bob: Person) -> None:
    made = grants.add_role_named("ops", alice, label_zh="运维组")
    with pytest.raises(NameTaken):
        grants.add_role_named("ops", alice)
    with pytest.raises(InvalidName):
        grants.add_role_named("\u202e", alice)
    grants.relabel(made, "运维", "Ops", alice)
    made.refresh_from_db()
    assert made.label_en == "Ops"
    people.add_role(bob, made, alice)
    grants.delete_role(made, alice)
    assert actions()[-4:] == ["role.added", "role.relabelled", "person.role_added", "role.deleted"]
    with pytest.raises(Shipped):
        grants.delete_role(Role.objects.get(name="member"), alice)


def test_unknown_names_say_what_there_is(alice: Person) -> None:
    with pytest.raises(UnknownName, match="member"):
        authz.allow("membr", "skill.host", alice)
    with pytest.raises(UnknownName, match="auditor"):
        authz.allow("zzz", "skill.host", alice)
    with pytest.raises(InvalidPermission):
        authz.allow("member", "host", alice)
    with pytest.raises(InvalidPermission):
        authz.deny("member", "skill.ho*", alice)


def test_people_are_added_with_roles_or_not_at_all(alice: Person) -> None:
    dora = authz.add_person("  Dóra  K ", alice, roles=["member", "auditor"], email="d@example.com")
    assert dora.name == "Dóra K"
    assert not dora.has_usable_password()
    assert actions()[-3:] == ["person.added", "person.role_added", "person.role_added"]
    with pytest.raises(UnknownName):
        authz.add_person("eve", alice, roles=["member", "nothing"])
    assert not Person.objects.filter(name="eve").exists()
    for name in ("alice", "ALICE", "Ａlice"):
        with pytest.raises(NameTaken):
            authz.add_person(name, alice)
    for name in ("", "  ", "a\x00b", "a\u202eb", "x" * 101):
        with pytest.raises(InvalidName):
            authz.add_person(name, alice)
    with pytest.raises(InvalidEmail):
        authz.add_person("fay", alice, email="no address")
    with pytest.raises(TypeError):
        authz.add_person("gus", alice, is_active=False)


def test_managing_people_is_a_right_of_its_own(alice: Person, bob: Person, carol: Person) -> None:
    hr = person("hr", role("hr", "console.accounts", "skill.*"))
    people.change(bob, hr, display_name="Bobby")
    assert last().data == {"before": {"display_name": "Bob"}, "after": {"display_name": "Bobby"}}
    count = len(actions())
    people.change(bob, hr, display_name="Bobby")
    assert len(actions()) == count
    people.add_role(bob, "operator", alice)
    people.remove_role(bob, "operator", hr)
    with pytest.raises(Forbidden):
        people.add_role(bob, "administrator", hr)
    with pytest.raises(Forbidden):
        people.remove_role(alice, "administrator", hr)
    with pytest.raises(Forbidden):
        people.disable_person(alice, hr)
    with pytest.raises(Forbidden):
        people.change(bob, carol, display_name="x")
    with pytest.raises(Forbidden):
        authz.add_person("eve", carol)
    with pytest.raises(Forbidden):
        people.disable_person(bob, carol)


def test_a_leaver_has_nothing_at_once(alice: Person, bob: Person) -> None:
    from apps.accounts.identity import link_owner, redeem_link, sign_in_link

    secret = sign_in_link(bob).split("/")[2]
    assert link_owner(secret) == bob
    people.disable_person(bob, alice)
    people.disable_person(bob, alice)
    assert actions().count("person.disabled") == 1
    assert redeem_link(secret) is None
    assert not SignInLink.objects.exists()
    assert not authz.may(bob, "skill.ping").allowed
    sam = person("sam", role("security", "console.permissions"))
    with pytest.raises(Forbidden):  # Sam lacks what Bob would get back
        people.enable_person(bob, sam)
    people.enable_person(bob, alice)
    assert authz.may(bob, "skill.ping").allowed
    people.disable_person(alice, SYSTEM)
    with pytest.raises(Forbidden):
        people.enable_person(alice, alice)


def test_language(alice: Person, bob: Person) -> None:
    people.set_language(bob, "en", Actor.person(bob))
    assert Person.objects.get(pk=bob.pk).language == "en"
    assert last().action == "person.changed"
    with pytest.raises(Forbidden):
        people.set_language(alice, "en", bob)
    with pytest.raises(ValueError, match="klingon"):
        people.set_language(bob, "klingon", bob)


def test_password(alice: Person, bob: Person) -> None:
    with pytest.raises(InvalidPassword) as caught:
        people.set_password(bob, "12345678", bob)
    assert caught.value.text("en") != caught.value.text("zh-hans")
    people.set_password(bob, "a long enough one", bob)
    assert Person.objects.get(pk=bob.pk).check_password("a long enough one")
    assert "a long" not in str(AuditRow.objects.values())
    with pytest.raises(Forbidden):
        people.set_password(alice, "a long enough one", bob)
    hr = person("hr", role("hr", "console.accounts"))
    with pytest.raises(Forbidden):
        people.set_password(bob, "a long enough one", hr)
    people.set_password(bob, "another long one", alice)
