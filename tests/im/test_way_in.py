"""A push of Feishu and one of your own system, through the webhook address into the inbox."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from apps.assistant.models import Message
from apps.audit.log import Actor
from apps.im.bots import add_bot, set_enabled, update_settings
from apps.im.models import Bot
from apps.simulate.feishu_signer import Signed, Signer
from apps.simulate.webhook import SECRET, message, signed

pytestmark = pytest.mark.django_db(transaction=True)
SIGNER = Signer()
ACTOR = Actor.system("tests")


@pytest.fixture
def feishu() -> Bot:
    config = {
        "app_id": SIGNER.app_id,
        "app_secret": "secret-0123456789",
        "encrypt_key": SIGNER.encrypt_key,
        "verification_token": SIGNER.verification_token,
        "bot_open_id": SIGNER.bot_open_id,
    }
    return add_bot("feishu", "office", config, ACTOR)


@pytest.fixture
def own() -> Bot:
    config = {"secret": SECRET, "reply_url": "http://127.0.0.1:9/"}
    return add_bot("webhook", "own", config, ACTOR)


def post(bot: Bot, push: Signed) -> tuple[int, Any]:
    body, headers = push
    named = {k: v for k, v in headers.items() if k != "Content-Type"}
    answer = Client(headers=named).post(
        f"/webhooks/{bot.platform}/{bot.slug}/", body, content_type="application/json"
    )
    return answer.status_code, answer.json()


def test_a_message_and_a_click_are_stored(feishu: Bot) -> None:
    said = SIGNER.message({"text": "/ping"})
    assert post(feishu, SIGNER.sign(said)) == (200, {})
    click = SIGNER.click({"t": "1.b.k.m"}, message_id="om_1")
    assert post(feishu, SIGNER.sign(click)) == (200, {})
    stored = list(Message.objects.order_by("pk").values_list("kind", "text", "sender_id"))
    assert stored == [
        ("text", "/ping", "ou_alice"),
        ("card_action", "", "ou_alice"),
    ]
    assert {row.conversation.chat_type for row in Message.objects.all()} == {"private"}


def test_two_clicks_on_one_card_are_two_and_a_repeat_is_none(feishu: Bot) -> None:
    pushes = [
        SIGNER.sign(SIGNER.click({"t": "1.b.k.m"}, message_id="om_1", chat="oc_new"))
        for _ in range(2)
    ]
    for push in (*pushes, pushes[0]):
        assert post(feishu, push)[0] == 200
    assert Message.objects.count() == 2


def test_one_message_under_two_event_ids_is_one(feishu: Bot) -> None:
    for _ in range(2):
        said = SIGNER.message({"text": "/ping"}, message_id="om_same")
        assert post(feishu, SIGNER.sign(said))[0] == 200
    assert Message.objects.count() == 1


def test_challenges_and_refusals(feishu: Bot) -> None:
    check = {"type": "url_verification", "challenge": "c", "token": SIGNER.verification_token}
    assert post(feishu, SIGNER.sign(check)) == (200, {"challenge": "c"})
    body, headers = SIGNER.sign(SIGNER.message({"text": "x"}))
    wrong = headers | {"X-Lark-Signature": "0" * 64}
    assert post(feishu, (body, wrong)) == (403, {"error": "invalid signature"})
    stale = SIGNER.sign(SIGNER.message({"text": "x"}), stamp="1000000000")
    assert post(feishu, stale) == (403, {"error": "stale"})
    assert post(feishu, (b"{", SIGNER.headers(b"{")))[0] == 400
    set_enabled(feishu, False, ACTOR)
    assert post(feishu, SIGNER.sign(SIGNER.message({"text": "x"})))[0] == 404
    assert not Message.objects.exists()


def test_your_own_system(own: Bot) -> None:
    push = signed(message("/ping", id="m1"))
    for _ in range(2):
        assert post(own, push) == (202, {"status": "accepted", "message_id": "m1"})
    again = signed(message("/ping", id="m1"))
    assert post(own, again)[0] == 202
    assert post(own, signed(message("/ping", id="m2")))[0] == 202
    assert list(Message.objects.values_list("text", flat=True)) == ["/ping", "/ping"]


def test_a_new_secret_counts_at_once(own: Bot) -> None:
    assert post(own, signed(message("/ping")))[0] == 202
    other = "whsec_" + "QUJD" * 11
    update_settings(own, {"secret": other}, ACTOR)
    assert post(own, signed(message("/ping")))[0] == 403
    assert post(own, signed(message("/ping"), secret=other))[0] == 202
