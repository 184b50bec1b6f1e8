"""API tokens: shown once, kept as a hash, gone with the person."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine

from apps.accounts import people, tokens
from apps.accounts.errors import Forbidden, Inactive, InvalidName
from apps.accounts.models import ApiToken, Person
from apps.audit.models import AuditRow
from apps.core.clock import utcnow
from tests.accounts.made import SYSTEM, person, role


def test_a_token_is_its_person(alice: Person, bob: Person) -> None:
    row, secret = tokens.create(bob, "reports", bob)
    assert secret.startswith("clawdbot_")
    assert secret not in str(ApiToken.objects.values()) + str(AuditRow.objects.values())
    assert row.last4 == secret[-4:]
    assert tokens.find(secret) == bob
    for wrong in ("", secret[:-1], secret + "x", secret.removeprefix("clawdbot_")):
        assert tokens.find(wrong) is None
    tokens.revoke(row, bob)
    assert tokens.find(secret) is None
    actions = list(AuditRow.objects.order_by("-id").values_list("action", flat=True)[:2])
    assert actions == ["token.revoked", "token.created"]


def test_a_token_ends(bob: Person) -> None:
    _, secret = tokens.create(bob, "short", bob, expires_at=utcnow() + timedelta(hours=1))
    assert tokens.find(secret) == bob
    with time_machine.travel(utcnow() + timedelta(hours=1, seconds=1)):
        assert tokens.find(secret) is None
    _, secret = tokens.create(bob, "long", bob)
    people.disable_person(bob, SYSTEM)
    assert tokens.find(secret) is None
    with pytest.raises(Inactive):
        tokens.create(bob, "more", SYSTEM)


def test_use_is_noted_once_a_minute(bob: Person, django_assert_num_queries) -> None:
    row, secret = tokens.create(bob, "busy", bob)
    assert tokens.find(secret) == bob
    row.refresh_from_db()
    assert row.used_at is not None
    with django_assert_num_queries(1):
        assert tokens.find(secret) == bob


def test_whose_tokens_somebody_makes(alice: Person, bob: Person, carol: Person) -> None:
    hr = person("hr", role("hr", "console.accounts", "skill.*"))
    with pytest.raises(Forbidden):
        tokens.create(bob, "x", carol)
    with pytest.raises(Forbidden):
        tokens.create(alice, "x", hr)
    row, _ = tokens.create(bob, "x", hr)
    with pytest.raises(Forbidden):
        tokens.revoke(row, carol)
    tokens.revoke(row, hr)
    with pytest.raises(InvalidName):
        tokens.create(bob, "  ", bob)
