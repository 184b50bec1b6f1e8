"""`bot check` says what a bot's traffic shows: refusals, silence, an address that leads nowhere."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from email.utils import formatdate
from typing import Any

import pytest

from apps.assistant.models import Conversation, Message
from apps.audit.log import Actor
from apps.core import clock
from apps.core.http import door
from apps.im import bot_checks, bot_traffic, bots, facts, marks
from apps.im.base import Check, get_platform
from apps.im.models import Bot, Delivery
from apps.im.shapes import Facts, SendContext
from apps.im.tokens import TokenCache
from apps.im.transport import Result
from apps.simulate.feishu import FeishuStand
from apps.simulate.server import Answer, Call, HttpStand

SYSTEM = Actor.system("test")
FEISHU = get_platform("feishu")
NOW = 1_800_000_000.0


class Clocked(HttpStand):
    """Answers with the time it is told to say."""

    date = "no time at all"

    def respond(self, call: Call) -> Answer:
        if call.path == "/healthz/live":
            return Answer(200, {})
        return Answer(404, {}, {"date": self.date})


@pytest.fixture
def elsewhere() -> Iterator[Clocked]:
    with Clocked() as stand:
        yield stand


def checks(found: Facts) -> dict[str, Check]:
    return {check.name: check for check in bot_traffic.traffic(FEISHU, found)}


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (Facts(), "no event has ever come"),
        (Facts(challenge_at=5), "has checked the address"),
        (Facts(event_at=5, refused_at=6, refused_reason="bad_signature"), "signing secret"),
        (Facts(refused_at=6, refused_reason="stale"), "NTP"),
        (Facts(refused_at=6, refused_reason="receive_id_mismatch"), "another app"),
    ],
)
def test_what_did_not_come_is_named(found: Facts, words: str) -> None:
    check = checks(found)["events"]
    assert not check.ok
    assert words in check.text.en
    assert check.sure is bool(found.refused_at)


def test_a_good_event_after_a_refusal_is_fine() -> None:
    found = checks(Facts(event_at=7, refused_at=6, refused_reason="stale", buttons_at=6))
    assert found["events"].ok
    assert not found["clicks"].ok
    assert "no click has ever come" in found["clicks"].text.en
    assert checks(Facts(event_at=7, buttons_at=6, click_at=5))["clicks"].ok


def test_a_hint_ends_before_the_next_sentence_begins() -> None:
    """Also where a platform's own hint has no full stop."""
    for name in ("wecom_aibot", "slack", "dingtalk"):
        said = bot_traffic.traffic(get_platform(name), Facts(event_at=5, buttons_at=5))
        (clicks,) = [check for check in said if check.name == "clicks"]
        assert "。如果只是没有人点过" in clicks.text.zh
        assert ". If nobody pressed one yet" in clicks.text.en
        assert ".." not in clicks.text.en


def test_your_own_system_may_be_on_this_machine(elsewhere: Clocked) -> None:
    """The platform `webhook` has no vendor: where it is told answers is where it is."""
    config = {"reply_url": elsewhere.url + "/replies"}
    facts = Facts(address=elsewhere.url + "/webhooks/webhook/x/")

    def address(**changes: str) -> Check:
        context = SendContext(config | changes, 1, door, TokenCache(), facts=facts)
        found = asyncio.run(bot_checks._ask(get_platform("webhook"), context))
        return next(check for check in found if check.name == "address")

    assert address().ok
    assert not address(reply_url="https://reply.invalid/").ok


def test_an_address_of_this_machine_is_none_for_a_vendor(elsewhere: Clocked) -> None:
    async def ask(address: str, base: str) -> Check:
        return await bot_traffic.reachable(door, FEISHU, address, base)

    local = elsewhere.url + "/webhooks/feishu/x/"
    assert "CLAWDBOT_PUBLIC_URL" in asyncio.run(ask(local, FEISHU.api_base)).text.en
    assert asyncio.run(ask(local, elsewhere.url)).ok
    elsewhere.go_down()
    gone = asyncio.run(ask(local, elsewhere.url))
    assert (gone.ok, gone.sure, "gives no answer" in gone.text.en) == (False, False, True)


def test_a_clock_that_is_off_is_named(elsewhere: Clocked) -> None:
    async def ask() -> Check | None:
        return await bot_traffic.clock_check(door, elsewhere.url)

    assert asyncio.run(ask()) is None
    elsewhere.date = formatdate(time.time(), usegmt=True)
    check = asyncio.run(ask())
    assert check is not None
    assert check.ok
    elsewhere.date = formatdate(time.time() - 600, usegmt=True)
    check = asyncio.run(ask())
    assert check is not None
    assert check.failed
    assert "600" in check.text.en or "599" in check.text.en or "601" in check.text.en


@pytest.mark.django_db
def test_facts_come_from_rows_and_from_what_was_noted(redis_url: str) -> None:
    bot = Bot.objects.create(slug="x", platform="feishu")
    assert facts.facts_of(bot, "a") == Facts(address="a")
    chat = Conversation.objects.create(bot=bot, chat_id="c")
    for kind in ("text", "card_action"):
        Message.objects.create(bot=bot, conversation=chat, event_id=kind, kind=kind, trace_id="t")
    Delivery.objects.create(
        bot=bot, role="answer", chat_id="c", state="sent", sent_at=clock.utcnow(),
        card={"buttons": [{"label": "x", "cmd": "/x"}]},
    )  # fmt: skip
    facts.note(bot.pk, "refused", "bad_signature")
    facts.note(bot.pk, "challenge")
    found = facts.facts_of(bot, "")
    assert found.refused_reason == "bad_signature"
    assert all((found.event_at, found.click_at, found.buttons_at, found.refused_at))
    assert found.challenge_at >= found.refused_at


@pytest.mark.django_db(transaction=True)
def test_a_bot_that_is_refused_again_and_again_is_disabled_with_the_reason(
    feishu_stand: FeishuStand,
) -> None:
    bot = bots.add_bot("feishu", "x", feishu_stand.config(), SYSTEM)
    row = Delivery.objects.create(
        bot=bot, role="answer", chat_id="c", state="sending", lease_until=clock.utcnow()
    )
    for attempt in (1, 2, 3):
        Delivery.objects.filter(pk=row.pk).update(
            attempts=attempt, state="sending", lease_until=clock.utcnow()
        )
        row.refresh_from_db()
        marks.mark([Result(row, "feishu", "later", "", "app is gone", 5.0, {}, True)])
        bot.refresh_from_db()
        assert bot.enabled is (attempt < 3)
    assert bot.fault == "app is gone"
    row.refresh_from_db()
    assert row.state == "pending"  # it goes out once somebody mended the bot
    assert bots.set_enabled(bot, True, SYSTEM).fault == ""


@pytest.mark.django_db
def test_nothing_is_sent_for_a_bot_that_is_off(feishu_stand: FeishuStand) -> None:
    bot = bots.add_bot("feishu", "x", feishu_stand.config(), SYSTEM, enabled=False)
    row = Delivery.objects.create(bot=bot, role="answer", chat_id="c", state="sending", attempts=1)
    parcels, unfit = marks.prepare([row])
    assert not parcels
    assert [(one.kind, one.delay_s > 0) for one in unfit] == [("later", True)]


@pytest.mark.django_db(transaction=True)
def test_a_refused_request_is_named_by_the_next_check(
    feishu_stand: FeishuStand, client: Any, redis_url: str
) -> None:
    bot = bots.add_bot("feishu", "x", feishu_stand.config(), SYSTEM)
    body, headers = feishu_stand.signer.sign(feishu_stand.signer.message({"text": "hi"}))
    headers["X-Lark-Signature"] = "0" * 64
    named = {f"HTTP_{k.upper().replace('-', '_')}": v for k, v in headers.items() if k[0] == "X"}
    answer = client.generic("POST", "/webhooks/feishu/x/", body, "application/json", **named)
    assert answer.status_code == 403
    found = {check.name: check for check in bot_checks.check_bot(bot, SYSTEM)}
    assert found["events"].failed
    assert "signing secret" in found["events"].text.en


@pytest.mark.django_db(transaction=True)
def test_a_check_begins_with_why_a_bot_is_off(feishu_stand: FeishuStand) -> None:
    bot = bots.add_bot("feishu", "off", feishu_stand.config(), SYSTEM)
    assert "enabled" not in {check.name for check in bot_checks.check_bot(bot, SYSTEM)}
    bot = bots.set_enabled(bot, False, SYSTEM)
    assert bot_checks.check_bot(bot, SYSTEM)[0].failed
    Bot.objects.filter(pk=bot.pk).update(fault="40001 invalid credential")
    bot.refresh_from_db()
    first = bot_checks.check_bot(bot, SYSTEM)[0]
    assert (first.name, first.ok) == ("enabled", False)
    assert "40001" in first.text.en
