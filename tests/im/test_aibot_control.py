"""Polls of running answers: what the stream shows, when it ends, and that it answers quickly."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
import redis
from django.test import Client
from pytest_django import Settings

from apps.accounts.models import Role
from apps.assistant import wake
from apps.assistant.models import Message
from apps.audit.log import Actor
from apps.im import aibot_control, aibot_store, bots
from apps.simulate.aibot_seal import Sealer
from apps.simulate.desk import Push
from apps.simulate.wecom_aibot import WecomAibotStand
from apps.webhooks import views
from tests.im.aibot import AIBOT

CONFIG = {"token": Sealer.token, "encoding_aes_key": Sealer.encoding_aes_key}
FINAL = {"content": "pong", "images": [], "card": None}


async def polled(stream: str = "s1", now: float = 1000.0) -> dict[str, Any]:
    question = {"stream_id": stream, "nonce": "n"}
    answer = await AIBOT.control(CONFIG, question, now)
    found: dict[str, Any] = Sealer().open(json.dumps(answer).encode(), "n")
    return found


async def test_nothing_yet_is_work_in_progress() -> None:
    answer = await polled()
    assert answer["stream"]["finish"] is False
    assert answer["stream"]["content"] == aibot_control.WORKING.zh


async def test_progress_then_the_answer_then_the_same_again() -> None:
    await aibot_store.show("s1", "step 1")
    assert (await polled())["stream"] == {"id": "s1", "finish": False, "content": "step 1"}
    await aibot_store.finish("s1", FINAL)
    await aibot_store.show("s1", "an older step that comes late")
    for _ in range(2):  # an answer that got lost is asked for again
        answer = await polled()
        assert answer["stream"] == {"id": "s1", "finish": True, "content": "pong"}
    assert await aibot_store.wait_shown("s1", 0.1)


async def test_an_answer_that_took_another_way_ends_the_stream_without_it() -> None:
    await aibot_store.finish("s1", FINAL)
    assert await aibot_store.take("s1", "away") == "away"
    answer = await polled()
    assert answer["stream"]["finish"] is True
    assert answer["stream"]["content"] == aibot_control.MOVED.zh
    assert not await aibot_store.wait_shown("s1", 0.05)


async def test_a_stream_ends_before_the_platform_gives_it_up() -> None:
    await aibot_store.show("s1", "step 1")
    assert not (await polled(now=1000))["stream"]["finish"]
    assert not (await polled(now=1000 + aibot_control.LIFE_S))["stream"]["finish"]
    for later in (1, 5):
        answer = await polled(now=1000 + aibot_control.LIFE_S + later)
        assert answer["stream"]["finish"] is True
        assert answer["stream"]["content"] == f"step 1\n\n{aibot_control.ELSEWHERE.zh}"
    assert await aibot_store.take("s1", "stream") == "away"


async def test_who_takes_the_route_first_has_it() -> None:
    assert await aibot_store.take("s1", "stream") == "stream"
    assert await aibot_store.take("s1", "away") == "stream"


async def test_a_card_and_pictures_come_with_the_end() -> None:
    card = {"card_type": "button_interaction", "task_id": "t"}
    await aibot_store.finish("s1", {"content": "x", "images": [{"md5": "m"}], "card": card})
    answer = await polled()
    assert answer["msgtype"] == "stream_with_template_card"
    assert answer["template_card"] == card
    assert answer["stream"]["msg_item"] == [{"msgtype": "image", "image": {"md5": "m"}}]


@pytest.mark.usefixtures("no_redis")
async def test_without_redis_a_poll_is_answered_all_the_same() -> None:
    began = time.monotonic()
    answer = await polled()
    assert time.monotonic() - began < 3
    assert answer["stream"]["finish"] is False


async def test_nothing_readable_lies_in_redis(settings: Settings) -> None:
    await aibot_store.show("s1", "SECRET-WORDS")
    await aibot_store.finish("s1", FINAL | {"content": "SECRET-WORDS"})
    await aibot_store.spare(1, "chat", "https://SECRET-WORDS", 9e9)
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        keys = list(client.scan_iter("clawdbot:aibot:*"))
        assert len(keys) == 2
        for key in keys:
            assert 0 < client.ttl(key) <= 3600
            stored = client.lrange(key, 0, -1) if b"spare" in key else client.hvals(key)
            assert stored
            assert not any(b"SECRET" in value for value in stored)
            for name in client.hkeys(key) if b"spare" not in key else []:
                client.hset(key, name, "junk")
    found = await aibot_store.look("s1")
    assert (found.progress, found.final) == ("", None)


async def test_an_address_belongs_to_one_delivery() -> None:
    assert await aibot_store.own_url("https://u", "a") == "fresh"
    assert await aibot_store.own_url("https://u", "b") == ""
    await aibot_store.mark_url("https://u", "used")
    assert await aibot_store.own_url("https://u", "a") == "used"


async def test_spare_addresses_go_out_once_and_expire() -> None:
    await aibot_store.spare(1, "chat", "https://old", 50)
    await aibot_store.spare(1, "chat", "https://new", 500)
    assert await aibot_store.take_spare(1, "chat", "a", 100) == "https://new"
    assert await aibot_store.take_spare(1, "chat", "a", 100) == "https://new"  # the same repeat
    assert await aibot_store.take_spare(1, "chat", "b", 100) == ""
    assert await aibot_store.take_spare(2, "chat", "b", 100) == ""


# ---- through the real entrance ----


def post(push: Push) -> Any:
    query = "&".join(f"{name}={value}" for name, value in push.query.items())
    return Client().post(
        f"/webhooks/wecom_aibot/ai/?{query}",
        data=push.body,
        content_type="application/json",
        headers=push.headers,
    )


@pytest.mark.django_db(transaction=True)
def test_through_the_entrance_a_poll_stores_nothing(
    aibot_stand: WecomAibotStand, roles: dict[str, Role], monkeypatch: pytest.MonkeyPatch
) -> None:
    views.ingress.cache_clear()
    monkeypatch.setattr(wake, "wake", lambda lane: None)
    bots.add_bot("wecom_aibot", "ai", aibot_stand.config(), Actor.system("test"))
    push = aibot_stand.say("/ping")
    first = post(push)
    assert first.status_code == 200
    (poll,) = aibot_stand.taken(push, first.content)
    message = Message.objects.get()
    assert message.payload["extra"]["stream_id"] == poll_id(aibot_stand)
    answer = post(poll)
    assert answer.status_code == 200
    assert len(aibot_stand.taken(poll, answer.content)) == 1
    assert aibot_stand.visible()[0].text == aibot_control.WORKING.zh
    again = post(aibot_stand.again(push))
    assert again.status_code == 200
    assert Message.objects.count() == 1
    check = dict(Client().get("/webhooks/wecom_aibot/ai/", echo(aibot_stand)).items())
    assert check["Content-Type"].startswith("text/plain")
    views.ingress.cache_clear()


def echo(stand: WecomAibotStand) -> dict[str, str]:
    stamp, sealed = str(int(time.time())), stand.sealer.encrypt(b"12345")
    sign = stand.sealer.sign(stamp, "n", sealed)
    return {"msg_signature": sign, "timestamp": stamp, "nonce": "n", "echostr": sealed}


def poll_id(stand: WecomAibotStand) -> str:
    return next(iter(stand.shown))
