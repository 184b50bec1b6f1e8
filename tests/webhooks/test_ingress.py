"""The answers of the contract: accepted is stored, refused leaves no row, nothing is a 500."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client

from apps.accounts.models import Role
from apps.assistant import inbox, wake
from apps.assistant.models import Message
from apps.audit.log import Actor
from apps.core import metrics
from apps.im import bots
from apps.im.models import Bot
from apps.webhooks import views
from apps.webhooks.asgi import WebhookApp

SYSTEM = Actor.system("test")
KEY = b"k" * 32
SECRET = "whsec_" + base64.b64encode(KEY).decode()
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    views.ingress.cache_clear()
    monkeypatch.setattr(wake, "wake", lambda lane: None)
    yield
    views.ingress.cache_clear()


@pytest.fixture
def bot(roles: dict[str, Role]) -> Bot:
    config = {"secret": SECRET, "reply_url": "http://127.0.0.1:9/"}
    return bots.add_bot("webhook", "hook", config, SYSTEM)


def body(text: str = "/ping", **changes: Any) -> bytes:
    found = {
        "id": "m1",
        "sender": {"id": "u1", "name": "U"},
        "conversation": {"id": "c1", "type": "private"},
        "text": text,
        **changes,
    }
    return json.dumps(found, ensure_ascii=False).encode()


def headers(data: bytes, event: str = "e1", at: float | None = None, key: bytes = KEY) -> dict:
    stamp = str(int(at or time.time()))
    mac = hmac.new(key, f"{event}.{stamp}.".encode() + data, hashlib.sha256).digest()
    return {
        "webhook-id": event,
        "webhook-timestamp": stamp,
        "webhook-signature": "v1," + base64.b64encode(mac).decode(),
    }


def post(data: bytes, extra: dict[str, str], slug: str = "hook", platform: str = "webhook") -> Any:
    return Client().post(
        f"/webhooks/{platform}/{slug}/",
        data=data,
        content_type="application/json",
        headers=extra,
    )


def rejections() -> float:
    total = 0.0
    for line in metrics.render().decode().splitlines():
        if line.startswith("clawdbot_webhook_rejections_total{"):
            total += float(line.rsplit(" ", 1)[1])
    return total


def test_accepted_means_stored(bot: Bot) -> None:
    data = body()
    answer = post(data, headers(data))
    assert answer.status_code == 202
    assert answer.json() == {"status": "accepted", "message_id": "m1"}
    message = Message.objects.get()
    assert (message.text, message.sender_id, message.state) == ("/ping", "u1", "waiting")


def test_a_repeat_gets_the_same_answer_and_no_second_row(bot: Bot) -> None:
    data = body()
    first, second = post(data, headers(data)), post(data, headers(data))
    third = post(data, headers(data, event="e2"))
    assert first.json() == second.json() == third.json()
    assert Message.objects.count() == 1


REFUSED: list[tuple[str, bytes, dict[str, Any], int, dict[str, str]]] = [
    ("wrong key", body(), {"key": b"x" * 32}, 403, {"error": "invalid signature"}),
    ("stale", body(), {"at": 1.0e9}, 403, {"error": "stale"}),
    ("from the future", body(), {"at": 4.0e9}, 403, {"error": "stale"}),
    ("broken JSON", b'{"id": ', {}, 400, {"error": "malformed"}),
    ("NaN", b'{"id": NaN}', {}, 400, {"error": "malformed"}),
    ("twice the same key", b'{"id": "a", "id": "b"}', {}, 400, {"error": "malformed"}),
    ("a lone surrogate", b'{"id": "\\ud800"}', {}, 400, {"error": "malformed"}),
    ("NUL", b'{"id": "\\u0000"}', {}, 400, {"error": "malformed"}),
    ("too deep", b"[" * 100 + b"]" * 100, {}, 400, {"error": "malformed"}),
    ("no object", b"[]", {}, 400, {"error": "malformed"}),
    ("a number as text", body(text=7), {}, 400, {"error": "malformed"}),  # type: ignore[arg-type]
    ("byte-order mark", b"\xef\xbb\xbf" + body(), {}, 400, {"error": "malformed"}),
]


@pytest.mark.parametrize(
    ("data", "signing", "status", "error"),
    [case[1:] for case in REFUSED],
    ids=[case[0] for case in REFUSED],
)
def test_refused_leaves_no_row_and_counts_once(
    bot: Bot, data: bytes, signing: dict[str, Any], status: int, error: dict[str, str]
) -> None:
    before = rejections()
    answer = post(data, headers(data, **signing))
    assert (answer.status_code, answer.json()) == (status, error)
    assert not Message.objects.exists()
    assert rejections() == before + 1


def test_missing_headers(bot: Bot) -> None:
    answer = post(body(), {})
    assert (answer.status_code, answer.json()) == (403, {"error": "invalid signature"})


def test_two_mebibytes_are_413(bot: Bot) -> None:
    data = body(text="x" * 2**21)
    answer = post(data, headers(data))
    assert answer.status_code == 413
    assert not Message.objects.exists()


@pytest.mark.parametrize(("platform", "slug"), [("webhook", "nobody"), ("nothing", "hook")])
def test_an_unknown_bot_is_404(bot: Bot, platform: str, slug: str) -> None:
    data = body()
    assert post(data, headers(data), slug, platform).status_code == 404


def test_a_disabled_bot_is_404_from_the_next_message_on(bot: Bot) -> None:
    data = body()
    assert post(data, headers(data)).status_code == 202
    bots.set_enabled(bot, False, SYSTEM)
    assert post(data, headers(data, event="e2")).status_code == 404


def test_a_new_secret_counts_from_the_next_message_on(bot: Bot) -> None:
    data, fresh = body(), b"n" * 32
    assert post(data, headers(data)).status_code == 202
    secret = "whsec_" + base64.b64encode(fresh).decode()
    bots.update_settings(bot, {"secret": secret}, SYSTEM)
    assert post(data, headers(data, event="e2")).status_code == 403
    other = body(id="m2")
    assert post(other, headers(other, event="e3", key=fresh)).status_code == 202


def test_too_many_refused_are_429_but_verified_ones_are_not(bot: Bot, settings: Any) -> None:
    settings.CLAWDBOT_LIMIT_REFUSED = "3/m"
    views.ingress.cache_clear()
    statuses = [post(body(), {}).status_code for _ in range(5)]
    assert statuses == [403, 403, 403, 429, 429]


def test_a_genuine_event_passes_however_much_rubbish_came_from_its_address(
    bot: Bot, settings: Any
) -> None:
    settings.CLAWDBOT_LIMIT_REFUSED = "3/m"
    views.ingress.cache_clear()
    for _ in range(5):
        post(body(), {})
    data = body()
    assert post(data, headers(data)).status_code == 202
    assert post(body(), {}).status_code == 429


def test_a_store_that_is_down_is_503(bot: Bot, monkeypatch: pytest.MonkeyPatch) -> None:
    def down(batch: object) -> None:
        raise OperationalError("no connection")

    monkeypatch.setattr(inbox, "store", down)
    data = body()
    answer = post(data, headers(data))
    assert answer.status_code == 503
    assert answer["Retry-After"]


def test_a_fault_of_ours_is_503_and_never_500(bot: Bot, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(batch: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(inbox, "store", broken)
    data = body()
    assert post(data, headers(data)).status_code == 503


def test_other_methods_are_405(bot: Bot) -> None:
    assert Client().delete("/webhooks/webhook/hook/").status_code == 405


async def through_asgi(path: str, data: bytes, extra: dict[str, str]) -> int:
    """One request through the entrance of the web process; returns its status."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": data, "more_body": False}

    async def send(event: dict[str, Any]) -> None:
        sent.append(event)

    scope = {
        "type": "http",
        "method": "POST",
        "path": path,
        "query_string": b"%00=%ff&x=\xff",
        "headers": [(k.encode("latin-1"), v.encode("latin-1")) for k, v in extra.items()],
        "client": ("10.9.8.7", 1),
    }
    await WebhookApp()(scope, receive, send)
    status: int = sent[0]["status"]
    return status


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("path", ["webhook/ho\0ok/", "web\0hook/hook/", "webhook/\ufffd/", "//"])
async def test_an_odd_address_is_an_unknown_bot(path: str) -> None:
    assert await through_asgi(f"/webhooks/{path}", b"{}", {}) == 404


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("length", "status"), [("\xb2", 404), ("9" * 5000, 413), ("-1", 404), ("00000000002", 404)]
)
async def test_an_odd_content_length_is_no_fault_of_ours(length: str, status: int) -> None:
    assert await through_asgi("/webhooks/webhook/x/", b"{}", {"content-length": length}) == status


def test_a_fault_while_turning_away_is_503_and_never_500(
    bot: Bot, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.CLAWDBOT_LIMIT_REFUSED = "1/m"
    views.ingress.cache_clear()
    data = body()
    assert post(data, headers(data)).status_code == 202
    post(body(), {})
    post(body(), {})

    def broken(*args: object) -> None:
        raise ZeroDivisionError

    receiver = views.ingress().directory.remembered("webhook", "hook")
    assert receiver is not None
    monkeypatch.setattr(type(receiver.adapter), "receive", broken)
    assert post(body(), {}).status_code == 503
