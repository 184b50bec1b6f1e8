"""Bindings, pairing codes and sign-in links."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
import time_machine
from django.db import connection

from apps.accounts import identity, pairing
from apps.accounts.errors import AlreadyBound, Forbidden, Inactive, PairingError, TooManyTries
from apps.accounts.models import Binding, PairingCode, Person, SignInLink
from apps.accounts.people import disable_person
from apps.audit.actor import Actor
from apps.audit.models import AuditRow
from apps.core.clock import utcnow
from apps.im.models import Bot
from tests.accounts.made import SYSTEM, person, role

SENDER = "ou_mallory"


@pytest.fixture
def bot(db: None) -> Bot:
    return Bot.objects.create(slug="office", platform="feishu")


@pytest.fixture
def other_bot(db: None) -> Bot:
    return Bot.objects.create(slug="other", platform="feishu")


def last() -> AuditRow:
    return AuditRow.objects.latest("id")


def given(bot: Bot, sender: str = SENDER) -> str:
    code = identity.pairing_code(bot.pk, sender, "Mallory M", utcnow())
    assert code
    return code


def test_resolve_is_exact_and_two_queries(
    alice: Person, bob: Person, bot: Bot, other_bot: Bot, django_assert_num_queries
) -> None:
    identity.bind(alice, bot, "ou_a", SYSTEM)
    identity.bind(bob, other_bot, "ou_a", SYSTEM)
    identity.bind(bob, bot, "ou_b", SYSTEM)
    keys = [(bot.pk, "ou_a"), (bot.pk, "ou_b"), (other_bot.pk, "ou_b"), (bot.pk, "OU_A")]
    with django_assert_num_queries(2):
        found = identity.resolve(keys)
    assert found == {(bot.pk, "ou_a"): alice, (bot.pk, "ou_b"): bob}
    with django_assert_num_queries(0):
        assert identity.resolve([]) == {}
    disable_person(bob, SYSTEM)
    assert identity.resolve(keys) == {(bot.pk, "ou_a"): alice}


def test_binding_is_audited_and_never_moves(alice: Person, bob: Person, bot: Bot) -> None:
    made = identity.bind(bob, bot, SENDER, alice)
    assert (last().action, last().actor) == ("person.bound", f"person:{alice.pk}")
    assert last().data == {"bot": "feishu:office", "external_id": SENDER}
    count = AuditRow.objects.count()
    assert identity.bind(bob, bot, SENDER, alice) == made
    assert AuditRow.objects.count() == count
    with pytest.raises(AlreadyBound, match="Bob"):
        identity.bind(alice, bot, SENDER, alice)
    assert Binding.objects.get().person == bob
    identity.unbind(made, alice)
    assert last().action == "person.unbound"
    assert not Binding.objects.exists()


def test_binding_needs_the_right_to_act_as_that_person(
    alice: Person, bob: Person, carol: Person, bot: Bot
) -> None:
    hr = person("hr", role("hr", "console.accounts", "skill.*"))
    for actor in (bob, carol, Actor.stranger("feishu", SENDER)):
        with pytest.raises(Forbidden):
            identity.bind(bob, bot, SENDER, actor)
    with pytest.raises(Forbidden):
        identity.bind(alice, bot, SENDER, hr)  # or HR would speak as the administrator
    made = identity.bind(bob, bot, SENDER, hr)
    with pytest.raises(Forbidden):
        identity.unbind(made, carol)
    identity.unbind(made, bob)


def test_nobody_is_bound_who_is_switched_off(bob: Person, bot: Bot) -> None:
    disable_person(bob, SYSTEM)
    with pytest.raises(Inactive):
        identity.bind(bob, bot, SENDER, SYSTEM)


def test_ensure_binding(alice: Person, bob: Person, bot: Bot) -> None:
    first = identity.ensure_binding(bob, bot, "bob")
    assert identity.ensure_binding(bob, bot, "bob") == first
    assert AuditRow.objects.filter(action="person.bound").count() == 1
    with pytest.raises(AlreadyBound):
        identity.ensure_binding(alice, bot, "bob")


def test_a_code_is_given_once_an_hour_and_kept_as_a_hash(bot: Bot, other_bot: Bot) -> None:
    now = utcnow()
    code = identity.pairing_code(bot.pk, SENDER, "M" * 500, now)
    assert code
    row = PairingCode.objects.get()
    assert code not in f"{row.code_hash}{row.sender_name}"
    assert row.expires_at - row.created_at == timedelta(minutes=10)
    assert identity.pairing_code(bot.pk, SENDER, "", now + timedelta(minutes=59)) is None
    assert identity.pairing_code(other_bot.pk, SENDER, "", now) is not None
    assert identity.pairing_code(bot.pk, "ou_2", "", now) is not None
    again = identity.pairing_code(bot.pk, SENDER, "", now + timedelta(minutes=61))
    assert again not in (None, code)
    assert PairingCode.objects.filter(bot=bot, external_id=SENDER).count() == 1


def test_a_bound_identity_gets_no_code(bob: Person, bot: Bot) -> None:
    identity.bind(bob, bot, SENDER, SYSTEM)
    disable_person(bob, SYSTEM)
    assert identity.pairing_code(bot.pk, SENDER, "", utcnow()) is None


def test_redeeming_binds_and_uses_up(alice: Person, bob: Person, bot: Bot) -> None:
    code = given(bot)
    typed = f" {code[:4].lower()}-{code[4:]} "
    binding = identity.redeem(typed, bob, actor=bob)
    assert (binding.person, binding.external_id) == (bob, SENDER)
    assert str(binding.bot) == "feishu:office"
    assert last().action == "person.bound"
    assert identity.resolve([(bot.pk, SENDER)]) == {(bot.pk, SENDER): bob}
    for again in (bob, alice):
        with pytest.raises(PairingError):
            identity.redeem(code, again, again)


def test_an_old_code_is_worthless(bob: Person, bot: Bot) -> None:
    code = given(bot)
    with (
        time_machine.travel(utcnow() + timedelta(minutes=10, seconds=1)),
        pytest.raises(PairingError),
    ):
        identity.redeem(code, bob, bob)
    assert identity.redeem(code, bob, bob)


def test_redeeming_for_another_is_for_whoever_may_act_as_them(
    alice: Person, bob: Person, carol: Person, bot: Bot
) -> None:
    code = given(bot)
    hr = person("hr", role("hr", "console.accounts", "skill.*"))
    with pytest.raises(Forbidden):
        identity.redeem(code, bob, carol)
    with pytest.raises(Forbidden):
        identity.redeem(code, alice, hr)
    assert identity.redeem(code, bob, hr).person == bob


def test_a_code_moves_no_binding(alice: Person, bob: Person, bot: Bot) -> None:
    code = given(bot)
    identity.bind(alice, bot, SENDER, SYSTEM)
    with pytest.raises(AlreadyBound, match="Alice"):
        identity.redeem(code, bob, bob)
    assert Binding.objects.get().person == alice
    assert PairingCode.objects.get().used_at is None


@pytest.mark.django_db(transaction=True)
def test_ten_wrong_codes_in_an_hour_are_enough(alice: Person, bob: Person, bot: Bot) -> None:
    code = given(bot)
    for _ in range(pairing.TRIES):
        with pytest.raises(PairingError) as caught:
            identity.redeem("22222222", bob, bob)
        assert not isinstance(caught.value, TooManyTries)
    with pytest.raises(TooManyTries):
        identity.redeem(code, bob, bob)
    assert AuditRow.objects.filter(action="pairing.wrong", actor=f"person:{bob.pk}").count() == 10
    with time_machine.travel(utcnow() + timedelta(minutes=61)):
        fresh = given(bot)
        with pytest.raises(PairingError):
            identity.redeem("33333333", bob, bob)
        assert identity.redeem(fresh, bob, bob)


@pytest.mark.django_db(transaction=True)
def test_wrong_codes_of_one_do_not_stop_another(alice: Person, bob: Person, bot: Bot) -> None:
    code = given(bot)
    for _ in range(pairing.TRIES + 1):
        with pytest.raises(PairingError):
            identity.redeem("22222222", bob, bob)
    assert identity.redeem(code, alice, alice)


@pytest.mark.django_db(transaction=True)
def test_of_two_who_redeem_at_once_one_gets_it(alice: Person, bob: Person, bot: Bot) -> None:
    code = given(bot)
    got: list[str] = []
    start = threading.Barrier(2)

    def run(who: Person) -> None:
        start.wait()
        try:
            identity.redeem(code, who, who)
            got.append("bound")
        except (PairingError, AlreadyBound):
            got.append("refused")
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(who,)) for who in (alice, bob)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(got) == ["bound", "refused"]
    assert Binding.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_many_messages_at_once_one_gets_a_code(bot: Bot) -> None:
    got: list[str | None] = []
    start = threading.Barrier(4)

    def run() -> None:
        start.wait()
        try:
            got.append(identity.pairing_code(bot.pk, SENDER, "", utcnow()))
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(got) == 4
    assert sum(code is not None for code in got) == 1


def test_a_link_signs_in_once_within_a_day(bob: Person) -> None:
    path = identity.sign_in_link(bob)
    assert path.startswith("/sign-in/")
    secret = path.split("/")[2]
    assert len(secret) >= 40
    assert secret not in str(SignInLink.objects.values()) + str(AuditRow.objects.values())
    assert identity.link_owner(secret) == bob
    assert identity.redeem_link(secret) == bob
    assert identity.redeem_link(secret) is None
    assert identity.link_owner(secret) is None
    assert identity.redeem_link("x" * 43) is None
    late = identity.sign_in_link(bob).split("/")[2]
    with time_machine.travel(utcnow() + timedelta(hours=24, seconds=1)):
        assert identity.link_owner(late) is None
        assert identity.redeem_link(late) is None


def test_links_for_others_need_their_rights(alice: Person, bob: Person) -> None:
    hr = person("hr", role("hr", "console.accounts", "skill.*"))
    assert identity.sign_in_link(bob, hr)
    with pytest.raises(Forbidden):
        identity.sign_in_link(alice, hr)
    with pytest.raises(Forbidden):
        identity.sign_in_link(alice, bob)
    disable_person(bob, SYSTEM)
    with pytest.raises(Inactive):
        identity.sign_in_link(bob, alice)
