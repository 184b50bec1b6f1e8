"""Feishu's long connection: the vendor's frames, events stored before they are acknowledged."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.asyncio.server import ServerConnection

from apps.core import sockets
from apps.core.http import Door, HttpError
from apps.im import feishu_stream
from apps.im.base import BotBroken, Later, Received, SendContext, get_platform
from apps.im.feishu_frames import DATA, BadFrame, Frame, Parts, decode, encode, ping
from apps.im.tokens import TokenCache
from apps.simulate.feishu import FeishuStand
from apps.simulate.server import Answer

FEISHU = get_platform("feishu")
#: Written by the vendor's own protobuf code (lark-oapi 1.7.5).
PING = "08001000180720002a0c0a0474797065120470696e67"
EVENT = (
    "088580808080808080800110ac021887ad4b20012a0d0a047479706512056576656e742a100a0a6d657373616765"
    "5f696412026d312a080a0373756d1201322a080a037365711201312a120a0874726163655f69641206e8b79fe8b8"
    "aa3204677a69703a046a736f6e420400ff7b7d4a036e6577"
)


def test_frames_are_the_vendors() -> None:
    assert encode(ping(7)).hex() == PING
    frame = decode(bytes.fromhex(EVENT))
    headers = (("type", "event"), ("message_id", "m1"), ("sum", "2"), ("seq", "1"))
    assert frame == Frame(
        DATA, 1234567, 2**63 + 5, 300, (*headers, ("trace_id", "跟踪")), b"\x00\xff{}",
        "gzip", "json", "new",
    )  # fmt: skip
    assert encode(frame).hex() == EVENT


@given(st.binary(max_size=200))
def test_any_bytes_are_a_frame_or_refused(data: bytes) -> None:
    try:
        frame = decode(data)
    except BadFrame:
        return
    assert decode(encode(frame)) == frame


def part(name: str, count: Any, place: Any, payload: bytes) -> Frame:
    headers = (("message_id", name), ("sum", str(count)), ("seq", str(place)))
    return Frame(DATA, headers=headers, payload=payload)


def test_parts_come_in_any_order_and_never_pile_up() -> None:
    parts = Parts()
    assert parts.whole(part("a", 3, 2, b"c")) is None
    assert parts.whole(part("b", 1, 0, b"alone")) == b"alone"
    assert parts.whole(part("a", 3, 0, b"a")) is None
    assert parts.whole(part("a", 3, 1, b"b")) == b"abc"
    for number in range(1000):
        parts.whole(part(f"n{number}", 2, 0, b"x"))
    assert len(parts._open) <= 32
    for count, place in ((2, 2), (10**6, 0), ("x", 0), (2, "-1")):
        with pytest.raises(BadFrame):
            parts.whole(part("z", count, place, b""))


class Inbox:
    """A link whose inbox is a list; `away` makes it fail as a store that is down."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.away = False

    async def store(self, received: Received) -> bool:
        if received.verdict != "accept":
            return False
        if self.away:
            raise Later("the store is away")
        self.received.append(received)
        return True

    def socket(
        self, url: str, *, headers: Mapping[str, str] | None = None, silence_s: float = 90.0
    ) -> AbstractAsyncContextManager[sockets.Socket]:
        return sockets.opened(url, configured=["127.0.0.1"], silence_s=silence_s)

    def replace(self) -> None: ...

    def hold(self, key: str, value: str) -> None: ...

    def held(self, key: str) -> str:
        return ""


def context(stand: FeishuStand, **changes: Any) -> SendContext:
    return SendContext(stand.config(**changes), 1, Door(), TokenCache())


async def push(stand: FeishuStand, event: dict[str, Any]) -> dict[str, Any]:
    """The vendor pushes, in its own loop; returns how we acknowledged."""
    future = asyncio.run_coroutine_threadsafe(stand.long.push(event), stand._loop)
    return await asyncio.wrap_future(future)


async def connected(stand: FeishuStand, inbox: Inbox) -> asyncio.Task[None]:
    task = asyncio.create_task(FEISHU.stream(context(stand), inbox))
    async with asyncio.timeout(10):
        while not stand.long.pings and not task.done():
            await asyncio.sleep(0.005)
    return task


async def test_events_and_clicks_are_stored_and_acknowledged(feishu_stand: FeishuStand) -> None:
    inbox = Inbox()
    task = await connected(feishu_stand, inbox)
    long = "长" * 900  # comes in parts
    for text in ("hello", long):
        ack = await push(feishu_stand, feishu_stand.signer.message({"text": text}))
        assert ack["code"] == 200
    ack = await push(feishu_stand, feishu_stand.signer.click({"t": "x"}, message_id="om_1"))
    assert json.loads(base64.b64decode(ack["data"])) == {}
    kinds = [one.messages[0].kind for one in inbox.received]
    assert kinds == ["text", "text", "card_action"]
    assert inbox.received[1].messages[0].text == long
    assert (await push(feishu_stand, {"schema": "2.0", "header": {"event_type": "x"}}))[
        "code"
    ] == 200
    task.cancel()


async def test_what_could_not_be_stored_is_asked_for_again(feishu_stand: FeishuStand) -> None:
    inbox = Inbox()
    task = await connected(feishu_stand, inbox)
    inbox.away = True
    event = feishu_stand.signer.message({"text": "hello"})
    assert (await push(feishu_stand, event))["code"] == 500
    inbox.away = False
    assert (await push(feishu_stand, event))["code"] == 200
    assert len(inbox.received) == 1
    task.cancel()


async def test_the_end_of_the_socket_ends_the_stream(feishu_stand: FeishuStand) -> None:
    task = await connected(feishu_stand, Inbox())
    feishu_stand.go_down()
    with pytest.raises(HttpError):
        await asyncio.wait_for(task, 10)


async def test_a_silent_socket_is_left(
    feishu_stand: FeishuStand, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def mute(socket: ServerConnection, *_: Any) -> None:
        await socket.wait_closed()

    monkeypatch.setattr(feishu_stand.long, "_heard", mute)
    monkeypatch.setattr(feishu_stream, "PATIENCE_PINGS", 0)
    monkeypatch.setattr(feishu_stream, "PATIENCE_S", 0.2)
    stream = asyncio.create_task(FEISHU.stream(context(feishu_stand), Inbox()))
    await asyncio.wait({stream}, timeout=5)
    assert stream.done()
    with pytest.raises(TimeoutError):
        stream.result()


async def test_a_wrong_secret_is_the_bots_fault(feishu_stand: FeishuStand) -> None:
    with pytest.raises(BotBroken):
        await feishu_stream.endpoint(context(feishu_stand, app_secret="other"))
    feishu_stand.fail("/callback/ws/endpoint", "answer", _answer(1000040350))
    with pytest.raises(Later) as caught:
        await feishu_stream.endpoint(context(feishu_stand))
    assert caught.value.delay_s >= 30


def _answer(code: int) -> Answer:
    return Answer(200, {"code": code, "msg": "no"})
