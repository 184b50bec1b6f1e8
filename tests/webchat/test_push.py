"""News to open pages: after the commit, through a real Redis, and never in anybody's way."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest
from asgiref.sync import async_to_sync
from channels.layers import channel_layers
from channels_redis.pubsub import RedisPubSubChannelLayer
from django.conf import LazySettings
from django.db import transaction

from apps.core import push
from tests.services import redis


@pytest.fixture
def layer(settings: LazySettings) -> RedisPubSubChannelLayer:
    settings.CHANNEL_LAYERS = {
        "default": {
            "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
            "CONFIG": {"hosts": [settings.REDIS_URL], "prefix": "test"},
        }
    }
    return channel_layers["default"]


@pytest.mark.django_db(transaction=True)
def test_news_wait_for_the_commit(layer: RedisPubSubChannelLayer) -> None:
    async def listen(ready: threading.Event) -> dict[str, object]:
        name = await layer.new_channel()
        await layer.group_add(push.group(7), name)
        ready.set()
        async with asyncio.timeout(5):
            found: dict[str, object] = await layer.receive(name)
        return found

    heard: list[object] = []
    ready = threading.Event()
    thread = threading.Thread(target=lambda: heard.append(async_to_sync(listen)(ready)))
    thread.start()
    assert ready.wait(5)
    with transaction.atomic():
        push.push(7, {"type": "delivery", "id": 1})
        time.sleep(0.05)
        assert not heard
    thread.join(6)
    assert heard == [{"type": push.HANDLER, "news": {"type": "delivery", "id": 1}}]


@pytest.mark.django_db(transaction=True)
def test_what_is_rolled_back_is_no_news(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[int] = []
    monkeypatch.setattr(push, "_hand_over", lambda conversation, news: told.append(conversation))
    with transaction.atomic():
        push.push(7, {"type": "delivery"})
        transaction.set_rollback(True)
    push.push(8, {"type": "delivery"})
    assert told == [8]


@pytest.mark.django_db(transaction=True)
def test_without_redis_nobody_waits_or_fails(
    layer: RedisPubSubChannelLayer, redis_server: redis.Redis | redis.Named
) -> None:
    if isinstance(redis_server, redis.Named):
        pytest.skip("a server that somebody named is not stopped")
    redis_server.stop()
    started = time.monotonic()
    for _ in range(push.MAX_IN_FLIGHT + 50):
        push.push(7, {"type": "delivery"})
    asyncio.run(push.apush(7, {"type": "delivery"}))
    assert time.monotonic() - started < push.SEND_TIMEOUT_S + 1
