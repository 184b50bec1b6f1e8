"""AI bots behind a socket: subscribing, storing, answers from another process, being thrown out."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import random
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, cast
from urllib.parse import urlsplit

import pytest

from apps.core import sockets
from apps.core.http import HttpError
from apps.core.redis import async_client
from apps.im import aibot_socket, aibot_wire
from apps.im.aibot_push import CHUNK
from apps.im.aibot_wire import Answer, Command
from apps.im.base import (
    BotBroken,
    Inbound,
    Later,
    Media,
    Place,
    Received,
    Sent,
    UnknownOutcome,
)
from apps.im.cards import Button, Card, Text
from apps.simulate import server
from apps.simulate.server import Call, Fault
from apps.simulate.wecom_aibot import WecomAibotStand
from tests.im.aibot import AIBOT, answer_to, context
from tests.services.redis import Redis

BUTTONS = (Button("Stop", "/cancel 7", "danger", "t.1"),)


class Changed(Exception):
    """The bot was changed while it was connected."""


class Inbox:
    """A `Link` with a list for an inbox; `troubles` are raised one after the other."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._config = config
        self.messages: asyncio.Queue[Inbound] = asyncio.Queue()
        self.troubles: list[Exception] = []
        self.kept: dict[str, str] = {}

    async def store(self, received: Received) -> bool:
        if received.verdict != "accept":
            return False
        if self.troubles:
            raise self.troubles.pop(0)
        for message in received.messages:
            self.messages.put_nowait(message)
        return True

    def socket(
        self, url: str, *, headers: Mapping[str, str] | None = None, silence_s: float = 90.0
    ) -> AbstractAsyncContextManager[sockets.Socket]:
        host = urlsplit(self._config["api_base"]).hostname or ""
        return sockets.opened(url, configured=[host], headers=headers, silence_s=silence_s)

    def replace(self) -> None:
        raise AssertionError("nobody asked for a successor")

    def hold(self, key: str, value: str) -> None:
        self.kept[key] = value

    def held(self, key: str) -> str:
        return self.kept.get(key, "")

    async def next(self) -> Inbound:
        async with asyncio.timeout(3):
            return await self.messages.get()


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aibot_wire, "TICK_S", 0.05)
    monkeypatch.setattr(aibot_wire, "WAIT_S", 1.0)
    monkeypatch.setattr(aibot_wire, "ANSWER_S", 0.3)
    monkeypatch.setattr(aibot_socket, "ACK_S", 0.4)
    monkeypatch.setattr(aibot_socket, "_STORE_PAUSES_S", (0.01,))


def settings(stand: WecomAibotStand, **changes: Any) -> dict[str, Any]:
    return {"secret": stand.secret, "token": "", "encoding_aes_key": ""} | changes


@asynccontextmanager
async def connected(
    stand: WecomAibotStand, inbox: Inbox | None = None
) -> AsyncIterator[tuple[Inbox, asyncio.Task[None]]]:
    ctx = context(stand, **settings(stand))
    inbox = inbox or Inbox(ctx.config)
    task = asyncio.create_task(AIBOT.stream(ctx, inbox))
    try:
        before = stand.sockets.subscriptions
        async with asyncio.timeout(10):
            while not task.done():
                # The mark may be an earlier connection's.
                if stand.sockets.live is not None and (await aibot_wire.state(1)).live:
                    break
                await asyncio.sleep(0.01)
        assert task.done() or stand.sockets.subscriptions >= before
        yield inbox, task
    finally:
        task.cancel()
        with contextlib.suppress(BaseException):
            await task


async def send(stand: WecomAibotStand, out: Any) -> Sent:
    return await AIBOT.send(context(stand, **settings(stand)), out)


async def patiently(stand: WecomAibotStand, out: Any) -> Sent:
    for _ in range(25):
        try:
            return await send(stand, out)
        except (Later, UnknownOutcome) as error:
            out = dataclasses.replace(out, context={**out.context, **error.done})
    raise AssertionError("never sent")


async def told(stand: WecomAibotStand, inbox: Inbox, push: Any) -> Inbound:
    stand.sockets.deliver(push)
    return await inbox.next()


async def test_a_message_is_stored_and_answered_in_its_stream(
    aibot_stand: WecomAibotStand,
) -> None:
    push = aibot_stand.say("/ping", group=True)
    async with connected(aibot_stand) as (inbox, _):
        message = await told(aibot_stand, inbox, push)
        assert (message.text, message.chat_type) == ("/ping", "group")
        assert "response_url" not in message.extra
        await send(aibot_stand, answer_to(message))
        await send(aibot_stand, answer_to(message))
    (seen,) = aibot_stand.answers_to(push)
    assert (seen.text, seen.edits) == ("pong", 0)


async def test_a_sign_and_progress_are_the_same_bubble(aibot_stand: WecomAibotStand) -> None:
    push = aibot_stand.say("report")
    async with connected(aibot_stand) as (inbox, _):
        message = await told(aibot_stand, inbox, push)
        ctx = context(aibot_stand, **settings(aibot_stand))
        place = Place("WoAlice", "private", message.message_id, "WoAlice", message.extra)
        await AIBOT.sign(ctx, place)
        assert aibot_stand.visible()[0].text
        for revision in (0, 1):
            card = Card("", "blue", (Text(f"step {revision}"),))
            out = answer_to(message, card, role="progress", key="p", revision=revision)
            await AIBOT.update(ctx, out)
            assert aibot_stand.visible()[0].text == f"step {revision}"
        await send(aibot_stand, answer_to(message, "done"))
        late = answer_to(message, "old", role="progress", key="p", revision=2)
        assert await AIBOT.update(ctx, late) == Sent("")
    (seen,) = aibot_stand.visible()
    assert seen.text == "done"


async def test_buttons_are_a_message_of_their_own_and_clicks_are_pushed_to(
    aibot_stand: WecomAibotStand,
) -> None:
    push = aibot_stand.say("/ask")
    async with connected(aibot_stand) as (inbox, _):
        message = await told(aibot_stand, inbox, push)
        await send(aibot_stand, answer_to(message, Card("Sure?", "blue", (), BUTTONS)))
        card = aibot_stand.visible()[-1]
        assert card.buttons == [("Stop", "t.1")]
        clicked = await told(aibot_stand, inbox, aibot_stand.click(card, "t.1"))
        assert clicked.extra["action"] == "t.1"
        await send(aibot_stand, answer_to(clicked, "stopped", key="k2"))
    assert aibot_stand.visible()[-1].text == "stopped"


async def test_a_notice_needs_no_message(aibot_stand: WecomAibotStand) -> None:
    async with connected(aibot_stand) as (inbox, _):
        message = await told(aibot_stand, inbox, aibot_stand.say("hi", group=True))
        notice = answer_to(message, "time!", role="notice", context={}, mention="WoBob")
        await send(aibot_stand, notice)
        assert aibot_stand.visible()[-1].text == "<@WoBob> time!"
        await told(aibot_stand, inbox, aibot_stand.say("hi"))
        alone = answer_to(message, "psst", role="notice", key="k2", private_to="WoAlice")
        await send(aibot_stand, alone)
    seen = aibot_stand.visible()[-1]
    assert (seen.chat, seen.text) == ("WoAlice", "psst")


async def test_a_long_answer_and_its_files_arrive_whole_and_once(
    aibot_stand: WecomAibotStand,
) -> None:
    data = bytes(range(256)) * (CHUNK // 256 + 10)
    text = "字" * 10_000
    async with connected(aibot_stand) as (inbox, _):
        push = aibot_stand.say("/report")
        message = await told(aibot_stand, inbox, push)
        out = answer_to(message, text, files=(Media(data, "a.bin"),))
        aibot_stand.fail("/aibot_upload_media_chunk", "hang")
        aibot_stand.fail("/aibot_send_msg", "answer", server.Answer(200, {"errcode": 45009}))
        await patiently(aibot_stand, out)
    texts = [seen.text for seen in aibot_stand.visible() if seen.text]
    assert "".join(texts) == text
    (file,) = [seen for seen in aibot_stand.visible() if seen.files]
    assert file.files == [("a.bin", data)]


@pytest.mark.parametrize("kind", ["cut", "hang"])
async def test_a_lost_ack_shows_the_stream_once(aibot_stand: WecomAibotStand, kind: str) -> None:
    push = aibot_stand.say("/ping")
    async with connected(aibot_stand) as (inbox, _):
        message = await told(aibot_stand, inbox, push)
        aibot_stand.fail("/aibot_respond_msg", kind)
        with pytest.raises(UnknownOutcome) as raised:
            await send(aibot_stand, answer_to(message))
        out = answer_to(message)
        context = {**out.context, **raised.value.done}
        await patiently(aibot_stand, dataclasses.replace(out, context=context))
    assert [seen.text for seen in aibot_stand.visible()] == ["pong"]


async def test_a_push_that_may_be_seen_says_so(aibot_stand: WecomAibotStand) -> None:
    async with connected(aibot_stand) as (inbox, _):
        message = await told(aibot_stand, inbox, aibot_stand.say("hi"))
        aibot_stand.fail("/aibot_send_msg", "cut")
        notice = answer_to(message, "time!", role="notice", context={})
        await patiently(aibot_stand, notice)
    first, second = [seen.text for seen in aibot_stand.visible()]
    assert first == "time!"
    assert second == "(this may be a repeat)\n\ntime!"


async def test_a_stale_callback_is_answered_by_a_push(aibot_stand: WecomAibotStand) -> None:
    push = aibot_stand.say("/slow", group=True)
    async with connected(aibot_stand) as (inbox, _):
        message = await told(aibot_stand, inbox, push)
    async with connected(aibot_stand):  # the callback belongs to the connection that is gone
        await send(aibot_stand, answer_to(message))
    assert [(seen.chat, seen.text) for seen in aibot_stand.visible()] == [
        (aibot_stand.group, "pong")
    ]


async def test_a_stream_is_ended_before_the_platform_does(
    aibot_stand: WecomAibotStand, monkeypatch: pytest.MonkeyPatch
) -> None:
    push = aibot_stand.say("/slow")
    async with connected(aibot_stand) as (inbox, _):
        message = await told(aibot_stand, inbox, push)
        progress = answer_to(message, "step 1", role="progress", key="p")
        await send(aibot_stand, progress)
        monkeypatch.setattr(aibot_socket, "LIFE_S", 0.0)
        async with asyncio.timeout(3):
            while not aibot_stand.answers_to(push):
                await asyncio.sleep(0.01)
        assert await send(aibot_stand, dataclasses.replace(progress, revision=1)) == Sent("")
        await send(aibot_stand, answer_to(message))
    bubble, answer = aibot_stand.visible()
    assert bubble.text.startswith("step 1\n\n")
    assert answer.text == "pong"


async def test_without_a_connection_it_is_later(aibot_stand: WecomAibotStand) -> None:
    push = aibot_stand.say("/ping")
    async with connected(aibot_stand) as (inbox, _):
        message = await told(aibot_stand, inbox, push)
    with pytest.raises(Later, match=r"manage\.py connect"):
        await send(aibot_stand, answer_to(message))
    assert aibot_stand.visible() == []


async def test_a_command_that_nobody_took_is_never_sent(aibot_stand: WecomAibotStand) -> None:
    push = aibot_stand.say("/ping")
    async with connected(aibot_stand) as (inbox, _):
        message = await told(aibot_stand, inbox, push)
    await aibot_wire.alive(1)  # as if a connection had died a moment ago
    with pytest.raises(Later, match="busy"):
        await send(aibot_stand, answer_to(message))
    async with connected(aibot_stand) as (inbox, _):
        await told(aibot_stand, inbox, aibot_stand.say("/wait"))
        async with asyncio.timeout(3):
            while await _line():
                await asyncio.sleep(0.01)
        assert aibot_stand.calls_to("/aibot_respond_msg") == []
        await patiently(aibot_stand, answer_to(message))
    assert [seen.text for seen in aibot_stand.visible()] == ["pong"]


async def _line() -> int:
    """How many commands lie there."""
    length: int = await cast(Any, async_client().llen("clawdbot:aibot:1:out"))
    return length


def test_a_stream_that_is_over_knows_who_ended_it() -> None:
    def frame(key: str, finish: bool) -> Command:
        return Command(key, "aibot_respond_msg", {"stream": {"id": "s", "finish": finish}}, "r")

    streams = aibot_socket.Streams()
    streams.note(frame("p", False), 0)
    assert streams.ended(frame("k", True)) is None
    streams.note(frame("k", True), 1)
    assert streams.ended(frame("k", True)) == Answer(0)
    late = streams.ended(frame("p", False))
    assert late is not None
    assert late.code == aibot_socket.STALE
    assert streams.ending(9e9) == []


async def test_a_send_that_was_given_up_is_not_sent_behind_its_repeat(
    aibot_stand: WecomAibotStand,
) -> None:
    push = aibot_stand.say("/ping", group=True)
    async with connected(aibot_stand) as (inbox, _):
        message = await told(aibot_stand, inbox, push)
    notice = answer_to(message, "time!", role="notice", context={})
    await aibot_wire.alive(1)
    waiting = asyncio.create_task(send(aibot_stand, notice))
    await asyncio.sleep(0.1)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    async with connected(aibot_stand):
        await send(aibot_stand, notice)
        await send(aibot_stand, notice)
    assert [seen.text for seen in aibot_stand.visible()] == ["time!"]


async def test_what_has_no_way_back_goes_through_the_socket_if_there_is_one(
    aibot_stand: WecomAibotStand,
) -> None:
    async with connected(aibot_stand) as (inbox, _):
        message = await told(aibot_stand, inbox, aibot_stand.say("hi"))
        called_back = {"stream_id": "s", "arrived": time.time() - 4000}
        await send(aibot_stand, answer_to(message, "late", context=called_back))
    assert aibot_stand.visible()[-1].text == "late"


async def test_a_crowd_with_failing_frames_is_answered_once_each(
    aibot_stand: WecomAibotStand,
) -> None:
    """A third of all frames fail before they do anything, are cut off, or ask for patience."""
    aibot_stand.sockets.per_minute = 10_000
    dice = random.Random(7)

    def trouble(call: Call) -> Fault | None:
        if call.path not in {"/aibot_respond_msg", "/aibot_send_msg"} or dice.random() > 0.3:
            return None
        kind = dice.choice(["hang", "answer", "cut"])
        return Fault(call.path, kind, server.Answer(200, {"errcode": -1, "errmsg": "busy"}))

    async with connected(aibot_stand) as (inbox, _):
        messages = []
        for number in range(30):
            push = aibot_stand.say(f"/echo {number}", group=number % 2 == 0)
            messages.append((push, await told(aibot_stand, inbox, push)))
        aibot_stand.trouble = trouble
        outs = [
            answer_to(message, f"echo {number}", key=f"key-{number}")
            for number, (_, message) in enumerate(messages)
        ]
        await asyncio.gather(*(patiently(aibot_stand, out) for out in outs))
    for number, (push, _) in enumerate(messages):
        assert [seen.text for seen in aibot_stand.answers_to(push)] == [f"echo {number}"]
    assert len(aibot_stand.visible()) == 30


async def test_without_redis_it_is_later(aibot_stand: WecomAibotStand, own_redis: Redis) -> None:
    push = aibot_stand.say("/ping")
    async with connected(aibot_stand) as (inbox, task):
        message = await told(aibot_stand, inbox, push)
        own_redis.stop()
        with pytest.raises(Later):
            await send(aibot_stand, answer_to(message))
        other = await told(aibot_stand, inbox, aibot_stand.say("still here"))
        assert other.text == "still here"
        own_redis.start()
        await patiently(aibot_stand, answer_to(message))
        assert not task.done()
    assert [seen.text for seen in aibot_stand.answers_to(push)] == ["pong"]


async def test_what_cannot_be_stored_at_once_is_kept(aibot_stand: WecomAibotStand) -> None:
    async with connected(aibot_stand) as (inbox, _):
        inbox.troubles = [Later("away"), Later("away")]
        for text in ("one", "two"):
            aibot_stand.sockets.deliver(aibot_stand.say(text))
        assert [(await inbox.next()).text for _ in range(2)] == ["one", "two"]


async def test_what_a_changed_bot_missed_is_stored_by_the_next_connection(
    aibot_stand: WecomAibotStand,
) -> None:
    async with connected(aibot_stand) as (inbox, task):
        inbox.troubles = [Changed()]
        aibot_stand.sockets.deliver(aibot_stand.say("one"))
        with pytest.raises(Changed):
            await asyncio.wait_for(task, 3)
    async with connected(aibot_stand, inbox):
        assert (await inbox.next()).text == "one"


async def test_entering_the_chat_is_greeted(aibot_stand: WecomAibotStand) -> None:
    async with connected(aibot_stand) as (inbox, _):
        message = await told(aibot_stand, inbox, aibot_stand.enter())
        assert message.extra["event"] == "enter_chat"
        async with asyncio.timeout(3):
            while not aibot_stand.visible():
                await asyncio.sleep(0.01)


async def test_a_wrong_secret_is_told_apart(aibot_stand: WecomAibotStand) -> None:
    ctx = context(aibot_stand, **settings(aibot_stand, secret="wrong"))
    with pytest.raises(BotBroken, match="secret"):
        await AIBOT.stream(ctx, Inbox(ctx.config))
    found = {check.name: check for check in await AIBOT.check(ctx)}
    assert not found["secret"].ok
    assert "40001" in found["secret"].text.en


async def test_who_is_thrown_out_does_not_fight(aibot_stand: WecomAibotStand) -> None:
    async with connected(aibot_stand) as (_, task):
        aibot_stand.sockets.kick()
        with pytest.raises(Later, match="another connection") as raised:
            await asyncio.wait_for(task, 3)
        assert raised.value.delay_s >= 60
    assert not (await aibot_wire.state(1)).live


async def test_a_lost_connection_ends_the_stream(aibot_stand: WecomAibotStand) -> None:
    async with connected(aibot_stand) as (_, task):
        aibot_stand.sockets.hang_up()
        with pytest.raises(HttpError):
            await asyncio.wait_for(task, 3)


async def test_it_pings_and_survives_noise(
    aibot_stand: WecomAibotStand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aibot_socket, "PING_S", 0.05)
    async with connected(aibot_stand) as (inbox, task):
        live = aibot_stand.sockets.live
        assert live is not None
        for noise in ("{", "[]", '{"headers": 7}', '{"cmd": "aibot_msg_callback", "body": []}'):
            asyncio.run_coroutine_threadsafe(live.send(noise), aibot_stand.loop).result(3)
        assert (await told(aibot_stand, inbox, aibot_stand.say("hi"))).text == "hi"
        pinged = await asyncio.to_thread(
            aibot_stand.wait, lambda: len(aibot_stand.calls_to("/ping")) >= 2, 3
        )
        assert pinged
        assert not task.done()


async def test_media_of_a_socket_have_a_key_of_their_own(aibot_stand: WecomAibotStand) -> None:
    data = b"%PDF-1.7 report"
    async with connected(aibot_stand) as (inbox, _):
        message = await told(aibot_stand, inbox, aibot_stand.send_file(data, "报告 1.pdf"))
        (attachment,) = message.attachments
        ctx = context(aibot_stand, **settings(aibot_stand))
        media = await AIBOT.fetch(ctx, attachment, 1000)
    assert media == Media(data, "报告 1.pdf", "application/pdf")


async def test_the_check_of_a_held_connection(aibot_stand: WecomAibotStand) -> None:
    ctx = context(aibot_stand, **settings(aibot_stand))
    before = {check.name: check for check in await AIBOT.check(ctx)}
    assert not before["connection"].ok
    assert "connection=stream" in before["connection"].text.en
    async with connected(aibot_stand):
        subscriptions = aibot_stand.sockets.subscriptions
        assert all(check.ok for check in await AIBOT.check(ctx))
        assert aibot_stand.sockets.subscriptions == subscriptions  # a trial would throw it out
    after = {check.name: check for check in await AIBOT.check(ctx)}
    assert not after["connection"].ok


def test_the_address_follows_the_settings() -> None:
    assert aibot_socket.address({}) == "wss://openws.work.weixin.qq.com"
    vendor = {"api_base": "https://qyapi.weixin.qq.com"}
    assert aibot_socket.address(vendor) == "wss://openws.work.weixin.qq.com"
    assert aibot_socket.address({"api_base": "http://127.0.0.1:9"}) == "ws://127.0.0.1:9"
    assert aibot_socket.address({"api_base": "https://proxy.corp/x"}) == "wss://proxy.corp"


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({}, []),
        ({"token": ""}, ["token"]),
        ({"encoding_aes_key": "short"}, ["43"]),
        ({"encoding_aes_key": "!" * 43}, ["43"]),
        ({"token": "", "encoding_aes_key": ""}, ["aibot_id and secret"]),
        ({"token": "", "encoding_aes_key": "", "secret": "s"}, []),
        ({"token": "", "encoding_aes_key": "", "secret": "s", "aibot_id": ""}, ["BotID"]),
    ],
)
def test_what_cannot_be_verified_cannot_be_enabled(
    aibot_stand: WecomAibotStand, changes: dict[str, str], named: list[str]
) -> None:
    found = AIBOT.can_enable(aibot_stand.config(**changes))
    assert len(found) == len(named)
    for problem, word in zip(found, named, strict=True):
        assert word in problem.en
