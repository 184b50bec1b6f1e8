"""Who leaves the company is switched off by the platform's word, but for the last administrator."""

from __future__ import annotations

from typing import Any

import pytest

from apps.accounts.models import Person
from apps.audit.models import AuditRow
from apps.im.base import InboundRequest, get_platform
from apps.im.models import Delivery
from apps.simulate.feishu import FeishuStand
from tests.assistant.conftest import Chat

pytestmark = pytest.mark.django_db(transaction=True)


def left(chat: Chat, *who: str) -> Any:
    extra = {"event": "left", "left": [f"u-{one}" for one in who]}
    return chat.say(who[0], "", kind="event", payload={"extra": extra})


def test_a_leaver_is_off_and_nobody_is_answered(chat: Chat, bob: Person, carol: Person) -> None:
    message = left(chat, "bob", "nobody", "carol")
    assert message.state == "ignored"
    assert not Delivery.objects.exists()
    assert not Person.objects.filter(pk__in=[bob.pk, carol.pk], is_active=True).exists()
    chat.say("bob", "/ping")
    assert "pong" not in Delivery.objects.get().text


def test_the_last_administrator_stays_and_it_is_written_down(chat: Chat, alice: Person) -> None:
    left(chat, "alice")
    alice.refresh_from_db()
    assert alice.is_active
    assert AuditRow.objects.filter(action="person.leaver_kept").exists()


def test_feishu_says_who_left() -> None:
    stand = FeishuStand()
    event = stand.signer.event("contact.user.deleted_v3", {"object": {"open_id": "ou_bob"}})
    body, headers = stand.signer.sign(event)
    request = InboundRequest("POST", "/", {}, headers, body)
    config = {"app_id": stand.signer.app_id, "encrypt_key": stand.signer.encrypt_key}
    now = float(headers["X-Lark-Request-Timestamp"])
    received = get_platform("feishu").receive(config, request, now)
    (message,) = received.messages
    assert (message.kind, message.extra["left"]) == ("event", ["ou_bob"])
