"""DingTalk's long connection: frames stored before they are acknowledged, and never lost."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import dingtalk_stream
import pytest

from apps.core import sockets
from apps.core.http import Door, HttpError
from apps.im import dingtalk_stream as ours
from apps.im.base import (
    BotBroken,
    InboundRequest,
    Later,
    Received,
    SendContext,
    get_platform,
)
from apps.im.tokens import TokenCache
from apps.simulate import dingtalk_signer
from apps.simulate.dingtalk import DingTalkStand
from apps.simulate.server import Answer

DINGTALK = get_platform("dingtalk")


class Inbox:
    """A link whose inbox is a list; `away` is how often its store fails before it works."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.away = 0
        self.replaced = 0

    async def store(self, received: Received) -> bool:
        if received.verdict != "accept":
            return False
        if self.away:
            self.away -= 1
            raise Later("the store is away")
        self.received.append(received)
        return True

    def socket(
        self, url: str, *, headers: Mapping[str, str] | None = None, silence_s: float = 90.0
    ) -> AbstractAsyncContextManager[sockets.Socket]:
        return sockets.opened(url, configured=["127.0.0.1"], silence_s=silence_s)

    def replace(self) -> None:
        self.replaced += 1

    def hold(self, key: str, value: str) -> None: ...

    def held(self, key: str) -> str:
        return ""


def context(stand: DingTalkStand, **changes: Any) -> SendContext:
    config = stand.config(connection="stream", **changes)
    return SendContext(config, 1, Door(), TokenCache())


@asynccontextmanager
async def connected(stand: DingTalkStand, inbox: Inbox) -> AsyncIterator[asyncio.Task[None]]:
    before = len(stand.gateway.sockets)
    task = asyncio.create_task(DINGTALK.stream(context(stand), inbox))
    async with asyncio.timeout(20):
        while len(stand.gateway.sockets) == before:
            assert not task.done(), task
            await asyncio.sleep(0.005)
        try:
            yield task
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
    assert not stand.gateway.problems


async def push(stand: DingTalkStand, frame: str, *, wait: bool = True) -> dict[str, Any]:
    """The vendor pushes, in its own loop; returns how we acknowledged."""
    work = stand.gateway.push(frame, wait=wait)
    return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, stand._loop))


async def test_messages_clicks_and_events_come_in(dingtalk_stand: DingTalkStand) -> None:
    inbox = Inbox()
    async with connected(dingtalk_stand, inbox):
        said = dingtalk_stand.say("/ping", group=True)
        ack = await push(dingtalk_stand, dingtalk_stand.frame(said))
        assert (ack["code"], ack["message"]) == (200, "OK")
        data = dingtalk_signer.click("card-1", "staff-bob", {"action": "tok"})
        raw = dingtalk_signer.frame("CALLBACK", dingtalk_signer.CARD_TOPIC, data)
        assert (await push(dingtalk_stand, raw))["code"] == 200
        ack = await push(dingtalk_stand, dingtalk_stand.frame(dingtalk_stand.leave("bob")))
        assert json.loads(ack["data"])["status"] == "SUCCESS"
    kinds = [received.messages[0].kind for received in inbox.received]
    assert kinds == ["text", "card_action", "event"]
    assert inbox.received[0].messages[0].message_id == said.message_id


async def test_a_ping_is_answered_and_bad_frames_end_nothing(
    dingtalk_stand: DingTalkStand,
) -> None:
    inbox = Inbox()
    async with connected(dingtalk_stand, inbox):
        for nonsense in ("{}", "[1]", "no json", '{"type":"CALLBACK","headers":{}}'):
            await asyncio.wrap_future(
                asyncio.run_coroutine_threadsafe(
                    dingtalk_stand.gateway.live[-1].send(nonsense), dingtalk_stand._loop
                )
            )
        raw = dingtalk_signer.frame("SYSTEM", "ping", {"opaque": "o-1"})
        assert json.loads((await push(dingtalk_stand, raw))["data"]) == {"opaque": "o-1"}
        ack = await push(dingtalk_stand, dingtalk_signer.frame("CALLBACK", "/v1.0/new", {}))
        assert ack["code"] == 404


async def test_a_farewell_asks_for_a_successor_and_goes_on_reading(
    dingtalk_stand: DingTalkStand,
) -> None:
    inbox = Inbox()
    async with connected(dingtalk_stand, inbox) as task:
        raw = json.dumps({"type": "SYSTEM", "headers": {"topic": "disconnect"}, "data": "{}"})
        await push(dingtalk_stand, raw, wait=False)
        await push(dingtalk_stand, dingtalk_stand.frame(dingtalk_stand.say("late")))
        assert inbox.replaced == 1
        assert len(inbox.received) == 1
        dingtalk_stand.go_down()
        with pytest.raises(HttpError):
            await asyncio.wait_for(task, 5)


async def test_what_cannot_be_stored_is_held_until_it_can(
    dingtalk_stand: DingTalkStand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody would deliver it again."""
    monkeypatch.setattr(ours, "PAUSES_S", (0.01, 0.01, 0.01))
    inbox = Inbox()
    inbox.away = 3
    async with connected(dingtalk_stand, inbox) as task:
        await push(dingtalk_stand, dingtalk_stand.frame(dingtalk_stand.say("/ping")))
        assert (len(inbox.received), inbox.away) == (1, 0)
        inbox.away = 99
        await push(dingtalk_stand, dingtalk_stand.frame(dingtalk_stand.say("x")), wait=False)
        with pytest.raises(Later):
            await asyncio.wait_for(task, 5)


async def test_tickets_serve_once(dingtalk_stand: DingTalkStand) -> None:
    first, second = Inbox(), Inbox()
    async with connected(dingtalk_stand, first):
        pass
    async with connected(dingtalk_stand, second):
        await push(dingtalk_stand, dingtalk_stand.frame(dingtalk_stand.say("/ping")))
    assert len(second.received) == 1
    opened = dingtalk_stand.calls_to("connections/open")
    assert len(opened) == 2
    topics = [one["topic"] for one in opened[0].json()["subscriptions"]]
    assert topics == [dingtalk_signer.ROBOT_TOPIC, dingtalk_signer.CARD_TOPIC, "*"]


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Answer(401, {"code": "authFailed", "message": "no"}), BotBroken),
        (Answer(400, {"code": "invalidClientIdOrSecret", "message": "no"}), BotBroken),
        (Answer(429), Later),
        (Answer(500), Later),
        (Answer(403), Later),
        (Answer(200, {"endpoint": 5}), Later),
    ],
)
async def test_why_there_is_no_connection(
    dingtalk_stand: DingTalkStand, answer: Answer, kind: type[Exception]
) -> None:
    dingtalk_stand.fail("connections/open", "answer", answer)
    with pytest.raises(kind) as caught:
        await DINGTALK.stream(context(dingtalk_stand), Inbox())
    assert type(caught.value) is kind


# ---- the vendor's own SDK as an oracle ----


async def sdk_ack(raw: str, handler: Any, message: Any) -> dict[str, Any]:
    answer = await handler.raw_process(message.from_dict(json.loads(raw)))
    found: dict[str, Any] = answer.to_dict()
    return found


def our_ack(raw: str) -> dict[str, Any]:
    received = DINGTALK.receive(
        {"app_key": "a", "app_secret": "s"}, dingtalk_request(raw), 1795330800.0
    )
    assert received.response is not None
    return received.response


def dingtalk_request(raw: str) -> InboundRequest:
    return InboundRequest("WS", "", {}, {}, raw.encode())


class Fine(dingtalk_stream.ChatbotHandler):
    async def process(self, callback: Any) -> tuple[int, str]:
        return dingtalk_stream.AckMessage.STATUS_OK, "OK"


async def test_acknowledgements_are_the_sdks() -> None:
    data = dingtalk_signer.message("text", {"text": {"content": "hi"}})
    raw = dingtalk_signer.frame("CALLBACK", dingtalk_signer.ROBOT_TOPIC, data)
    theirs = await sdk_ack(raw, Fine(), dingtalk_stream.CallbackMessage)
    # The SDK leaves `message` empty, where the protocol's description says OK.
    assert our_ack(raw) == theirs | {"message": "OK"}
    raw = dingtalk_signer.frame("SYSTEM", "ping", {"opaque": "1"})
    theirs = await sdk_ack(raw, dingtalk_stream.SystemHandler(), dingtalk_stream.SystemMessage)
    mine = our_ack(raw)
    assert json.loads(mine.pop("data")) == json.loads(theirs.pop("data"))
    assert mine == theirs


def test_messages_are_read_as_the_sdk_reads_them(dingtalk_stand: DingTalkStand) -> None:
    push_ = dingtalk_stand.say("查 日程", "bob", group=True)
    theirs = dingtalk_stream.ChatbotMessage.from_dict(json.loads(push_.body))
    request = dingtalk_request(dingtalk_stand.frame(push_))
    (mine,) = DINGTALK.receive(dingtalk_stand.config(connection="stream"), request, 0).messages
    assert mine.message_id == theirs.message_id
    assert mine.sender_id == theirs.sender_staff_id
    assert mine.chat_id == theirs.conversation_id
    assert mine.text == theirs.text.content.strip()
    assert mine.mentions_bot == theirs.is_in_at_list
    assert mine.extra["reply_url"] == theirs.session_webhook
    assert mine.extra["reply_url_expires_ms"] == theirs.session_webhook_expired_time


def test_clicks_are_read_as_the_sdk_reads_them() -> None:
    data = dingtalk_signer.click("card-1", "staff-bob", {"action": "tok"})
    theirs = dingtalk_stream.CardCallbackMessage.from_dict(data)
    raw = dingtalk_signer.frame("CALLBACK", dingtalk_signer.CARD_TOPIC, data)
    received = DINGTALK.receive({"app_secret": "s"}, dingtalk_request(raw), 0)
    (mine,) = received.messages
    assert (mine.message_id, mine.sender_id) == (theirs.card_instance_id, theirs.user_id)
    assert mine.extra["value"] == theirs.content["cardPrivateData"]["params"]
