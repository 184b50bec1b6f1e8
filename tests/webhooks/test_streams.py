"""Outgoing connections: one live one for each bot, replaced in time, given up when silent."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from apps.assistant.models import Message
from apps.audit.log import Actor
from apps.core import sockets
from apps.core.http import Refused, Unknown, Unreachable
from apps.im import bots
from apps.im.base import (
    BotBroken,
    Inbound,
    InboundRequest,
    Link,
    Platform,
    Received,
    SendContext,
    accept,
)
from apps.im.models import Bot
from apps.im.registry import registry
from apps.webhooks import streams
from apps.webhooks.bots import Receiver
from apps.webhooks.link import StreamLink
from apps.webhooks.streams import Connector

SYSTEM = Actor.system("test")
pytestmark = pytest.mark.django_db(transaction=True)


class Trial(Platform):
    """A platform whose events are JSON lines on a socket: {"id", "text"}, or {"bye": true}."""

    name = "trial"
    connections = ("stream",)
    silence_s = 30.0

    def receive(self, config: Mapping[str, Any], request: InboundRequest, now: float) -> Received:
        """One frame."""
        event = json.loads(request.body)
        return accept(
            Inbound("trial", "text", "u1", "c1", "private", event["text"], event["id"], event["id"])
        )

    async def stream(self, ctx: SendContext, link: Link) -> None:
        """Read until the other side ends it."""
        if ctx.config.get("api_base", "").endswith("/broken"):
            raise BotBroken("wrong secret")
        url = str(ctx.config["api_base"]).replace("http", "ws", 1)
        async with link.socket(url, silence_s=self.silence_s) as ws:
            while True:
                frame = await ws.recv()
                if "bye" in json.loads(frame):
                    link.replace()
                    continue
                request = InboundRequest("STREAM", "/", {}, {}, str(frame).encode())
                if await link.store(self.receive(ctx.config, request, 0)):
                    await ws.send("ack")


class Vendor:
    """The other end: counts connections, sends what it is told to, keeps the acks."""

    def __init__(self) -> None:
        self.sockets: list[ServerConnection] = []
        self.acks = 0
        self.server: Server | None = None

    async def serve(self, socket: ServerConnection) -> None:
        self.sockets.append(socket)
        async for _ in socket:
            self.acks += 1

    @property
    def url(self) -> str:
        assert self.server is not None
        return f"http://127.0.0.1:{self.server.sockets[0].getsockname()[1]}"

    @property
    def live(self) -> list[ServerConnection]:
        return [s for s in self.sockets if s.close_code is None]

    async def say(self, number: int, to: int = -1) -> None:
        await self.live[to].send(json.dumps({"id": f"e{number}", "text": f"text {number}"}))


@asynccontextmanager
async def vendor() -> AsyncIterator[Vendor]:
    found = Vendor()
    async with serve(found.serve, "127.0.0.1", 0) as server:
        found.server = server
        yield found


@pytest.fixture(autouse=True)
def trial(monkeypatch: pytest.MonkeyPatch) -> Trial:
    platform = Trial()
    monkeypatch.setitem(registry().named, "trial", platform)
    monkeypatch.setattr(streams, "LOOK_S", 0.05)
    monkeypatch.setattr(streams, "FIRST_PAUSE_S", 0.02)
    return platform


def add(url: str, slug: str = "t") -> Bot:
    return bots.add_bot("trial", slug, {"api_base": url}, SYSTEM, connection="stream")


@asynccontextmanager
async def connecting(count: int = 1) -> AsyncIterator[list[Connector]]:
    """Some `connect` processes side by side."""
    stop = asyncio.Event()
    found = [Connector() for _ in range(count)]
    for number, one in enumerate(found):
        one.name += f":{number}"
    tasks = [asyncio.create_task(one.run(stop)) for one in found]
    try:
        yield found
    finally:
        stop.set()
        await asyncio.gather(*tasks)


async def until(condition: Callable[[], bool], seconds: float = 10) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


async def stored() -> list[str]:
    return await sync_to_async(
        lambda: list(Message.objects.order_by("pk").values_list("text", flat=True))
    )()


async def test_what_comes_is_stored_then_acknowledged() -> None:
    async with vendor() as there:
        await sync_to_async(add)(there.url)
        async with connecting():
            await until(lambda: len(there.live) == 1)
            for number in range(5):
                await there.say(number)
            await there.say(0)  # the vendor repeats itself
            await until(lambda: there.acks == 6)
            assert await stored() == [f"text {n}" for n in range(5)]
        await until(lambda: not there.live)


async def test_a_lost_connection_is_made_anew() -> None:
    async with vendor() as there:
        await sync_to_async(add)(there.url)
        async with connecting():
            await until(lambda: len(there.live) == 1)
            await there.sockets[0].close()
            await until(lambda: len(there.sockets) == 2 and len(there.live) == 1)
            await there.say(1)
            await until(lambda: there.acks == 1)


async def test_the_next_connection_is_there_before_the_old_one_ends() -> None:
    async with vendor() as there:
        await sync_to_async(add)(there.url)
        async with connecting():
            await until(lambda: len(there.live) == 1)
            await there.live[0].send('{"bye": true}')
            await until(lambda: len(there.live) == 2)
            await there.say(1, to=0)  # what the old one still brings is taken
            await there.say(2, to=1)
            await until(lambda: there.acks == 2)
            await there.live[0].close()
            await until(lambda: len(there.live) == 1)
            assert len(there.sockets) == 2


async def test_a_silent_socket_is_given_up(trial: Trial) -> None:
    trial.silence_s = 0.2
    async with vendor() as there:
        await sync_to_async(add)(there.url)
        async with connecting():
            await until(lambda: len(there.sockets) >= 3)


async def test_two_processes_hold_one_connection_and_the_second_takes_over() -> None:
    async with vendor() as there:
        await sync_to_async(add)(there.url)
        async with connecting():
            await until(lambda: len(there.live) == 1)
            async with connecting(2):
                await asyncio.gather(*(there.say(n) for n in range(3)))
                await until(lambda: there.acks == 3)
                assert len(there.sockets) == 1
        assert not there.live
        async with connecting():
            await until(lambda: len(there.live) == 1)


async def test_a_bot_that_is_changed_or_disabled_is_followed() -> None:
    async with vendor() as there, vendor() as elsewhere:
        bot = await sync_to_async(add)(there.url)
        async with connecting():
            await until(lambda: len(there.live) == 1)
            await sync_to_async(bots.update_settings)(bot, {"api_base": elsewhere.url}, SYSTEM)
            await until(lambda: len(elsewhere.live) == 1 and not there.live)
            await sync_to_async(bots.set_enabled)(bot, False, SYSTEM)
            await until(lambda: not elsewhere.live)


async def test_a_bot_that_the_platform_refuses_is_disabled_with_the_reason() -> None:
    async with vendor() as there:
        bot = await sync_to_async(add)(there.url + "/broken")
        other = await sync_to_async(add)(there.url, "other")
        async with connecting():
            await until(lambda: len(there.live) == 1)
            async with asyncio.timeout(10):
                while (row := await Bot.objects.aget(pk=bot.pk)).enabled:
                    await asyncio.sleep(0.01)
        assert "wrong secret" in row.fault
        assert (await Bot.objects.aget(pk=other.pk)).enabled


async def test_sockets_obey_the_rules_of_the_door() -> None:
    async with vendor() as there:
        url = there.url.replace("http", "ws", 1)
        async with sockets.opened(url, configured=["127.0.0.1"], silence_s=0.1) as ws:
            with pytest.raises(TimeoutError):
                await ws.recv()
            await there.live[0].close()
            with pytest.raises(Unknown):
                await ws.recv()
        for bad in (url, "wss://127.0.0.1/", "http://example.com/", "wss://evil.example.com/x"):
            with pytest.raises(Refused):
                async with sockets.opened(bad, configured=["10.0.0.1"], allow=["example.com"]):
                    pass
    with pytest.raises(Unreachable):
        async with sockets.opened(url, configured=["127.0.0.1"]):
            pass


def test_some_platforms_keep_a_connection_beside_their_webhook() -> None:
    def matrix(slug: str, **more: bool) -> Bot:
        settings = {"api_base": "http://127.0.0.1:9", "as_token": "a", "hs_token": "b"}
        settings |= {"user_id": f"@{slug}:stand.test"}
        return bots.add_bot("matrix", slug, settings, SYSTEM, **more)

    on, _ = matrix("on"), matrix("off", enabled=False)
    assert [bot.pk for bot in streams.stream_bots()] == [on.pk]


async def test_a_redirect_is_no_way_and_its_address_is_not_told() -> None:
    def elsewhere(connection: ServerConnection, request: Request) -> Response:
        return Response(302, "Found", Headers({"Location": "ws://10.0.0.1/?ticket=hidden"}))

    async def nothing(connection: ServerConnection) -> None:
        pass

    async with serve(nothing, "127.0.0.1", 0, process_request=elsewhere) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(Unreachable) as caught:
            async with sockets.opened(f"ws://127.0.0.1:{port}/", configured=["127.0.0.1"]):
                pass
    assert "hidden" not in repr(caught.value) + repr(caught.value.__cause__)


async def test_a_click_wakes_the_lane_in_which_it_waits() -> None:
    woken: list[str] = []

    class Waker:
        wake = staticmethod(woken.append)

    class Group:
        async def submit(self, judged: Any) -> list[Any]:
            return []

    receiver = Receiver(1, 1, Trial(), {})
    link = StreamLink(receiver, Group(), Waker(), {}, lambda: None)  # type: ignore[arg-type]
    click = Inbound("trial", "card_action", "u1", "c1", "private", "", "1", "1")
    assert await link.store(accept(click))
    assert woken == ["control"]


async def test_a_connection_has_one_successor_however_often_its_end_is_said() -> None:
    async with vendor() as there:
        await sync_to_async(add)(there.url)
        async with connecting():
            await until(lambda: len(there.live) == 1)
            first = there.live[0]
            await first.send('{"bye": true}')
            await until(lambda: len(there.live) == 2)
            await first.send('{"bye": true}')
            # What is said on the same connection afterwards was read after it.
            await there.say(1, to=0)
            await until(lambda: there.acks == 1)
            await there.say(2, to=1)
            await until(lambda: there.acks == 2)
            assert len(there.live) == 2
