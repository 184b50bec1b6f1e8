"""WeCom's AI bots on the quality scale.

Their answers are fetched by polls, so the platform polls here as soon as a message was accepted.
Calls that can fail are those of late answers, which go through a reply address.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, ClassVar

import pytest

from apps.core.i18n import both
from apps.core.redis import async_client
from apps.im.base import Inbound, Outgoing, Received
from apps.im.cards import Card, Text
from apps.im.shapes import Media, SendContext
from apps.simulate.desk import Desk, Push, Seen
from apps.simulate.wecom_aibot import WecomAibotStand
from tests.im.quality import Gold
from tests.im.test_aibot_socket import connected, settings, told

SEEN_S = 5.0


class TestWecomAibot(Gold):
    """The ciphertext is signed; what stands around it in the JSON is nobody's word."""

    stand = WecomAibotStand
    golden = "wecom"
    modes = ("aibot",)
    signed_names = ("msg_signature", "timestamp", "nonce")
    wrong_settings = (
        ({"encoding_aes_key": "too-short-for-a-key"}, "encoding_aes_key"),
        ({"token": ""}, "token"),
        ({"token": "", "encoding_aes_key": "", "secret": "abc", "aibot_id": ""}, "aibot_id"),
    )
    not_possible: ClassVar = {
        "private": both(
            "企业微信智能机器人不能在群里只对一个人说话",
            "an AI bot can tell nobody alone something in a group",
        ),
        "forms": both(
            "智能机器人的卡片没有文字输入框，改为逐句询问",
            "an AI bot's cards have no inputs for text; it is asked in words",
        ),
        "tokens": both("没有访问令牌", "there are no access tokens"),
    }

    @pytest.fixture
    def desk(self) -> Iterator[Desk]:
        """The stand; whatever it complained about fails the test."""
        with WecomAibotStand() as found:
            found.poll_s = 0.02
            self._polling: list[threading.Thread] = []
            yield found
            found.life_s = 0.0
            for thread in self._polling:
                thread.join(5)
            assert found.complaints == []

    def plains(self, desk: Desk) -> list[bytes]:
        """Messages of several kinds, a click, an event, a poll."""
        assert isinstance(desk, WecomAibotStand)
        base = {"msgid": "m1", "aibotid": desk.aibot_id, "from": {"userid": "WoAlice"}}
        base |= {"chattype": "single", "response_url": f"{desk.url}/cgi-bin/aibot/response?x=1"}
        picture = {"msgtype": "image", "image": {"url": f"{desk.url}/media/1"}}
        words = {"msgtype": "text", "text": {"content": f"@{desk.bot_name} hi"}}
        item = {"question_key": "q", "option_ids": {"option_id": ["a"]}}
        click = {"card_type": "button_interaction", "event_key": "1.2.3.4", "task_id": "t"}
        click |= {"selected_items": {"selected_item": [item]}}
        bodies: list[dict[str, Any]] = [
            base | words | {"chattype": "group", "chatid": "wr1", "quote": picture},
            base | {"msgtype": "voice", "voice": {"content": "/ping"}},
            base | {"msgtype": "file", "file": {"url": "https://a.myqcloud.com/b"}},
            base | {"msgtype": "mixed", "mixed": {"msg_item": [words, picture]}},
            base | _event("template_card_event", click),
            base | _event("feedback_event", {"id": "f", "type": 2}),
        ]
        return [json.dumps(body, ensure_ascii=False).encode() for body in bodies]

    def signed(self, desk: Desk, plain: bytes) -> Push:
        """Sealed, whatever it is."""
        assert isinstance(desk, WecomAibotStand)
        body, query = desk.sealer.seal_bytes(plain, str(int(time.time())), "n0nce")
        return Push(body, {"Content-Type": "application/json"}, query)

    def signed_part(self, body: bytes) -> tuple[int, int]:
        """What stands between the quotes."""
        last = body.rindex(b'"')
        return body.rindex(b'"', 0, last) + 1, last

    def only(self, desk: Desk, push: Push) -> Inbound:
        """The one message; from now on the platform polls for its answer."""
        received = self.receive(desk, push)
        assert received.verdict == "accept", received
        (message,) = received.messages
        if "stream_id" in message.extra:
            thread = threading.Thread(target=self._poll, args=(desk, push, received), daemon=True)
            thread.start()
            self._polling.append(thread)
        return message

    def with_words(self, desk: Desk, words: str) -> list[Seen]:
        """As people see it: what a poll has fetched is shown a moment later."""
        desk.wait(lambda: any(words in seen.text for seen in desk.visible()), 1)
        return super().with_words(desk, words)

    def _poll(self, desk: Desk, push: Push, received: Received) -> None:
        async def polls() -> None:
            waiting = desk.taken(push, json.dumps(received.response).encode())
            while waiting:
                question = self.receive(desk, waiting[0]).question
                answer = await self.adapter.control(desk.config(), question, time.time())
                waiting = desk.taken(waiting[0], json.dumps(answer).encode())
            await async_client().aclose()

        with contextlib.suppress(asyncio.CancelledError):
            asyncio.run(polls())

    # ---- late answers, which are calls ----

    async def _ready(self, desk: Desk) -> tuple[SendContext, Outgoing]:
        ctx, out = await super()._ready(desk)
        late = {"arrived": out.context["arrived"] - 600}
        return ctx, replace(out, context={**out.context, **late})

    # ---- what this platform does in its own way ----

    def test_in_a_group_others_may_talk(self, desk: Desk) -> None:
        """The platform keeps to itself what does not mention the bot."""
        with pytest.raises(ValueError, match="mentions the bot"):
            desk.say("lunch?", "bob", group=True, mention=False)

    async def test_progress_is_one_message_that_changes(self, desk: Desk) -> None:
        ctx, out = self.context(desk), self._progress(desk, "1 of 3")
        sent = await self.adapter.send(ctx, out)
        await self._until(lambda: bool(self.with_words(desk, "1 of 3")))
        for revision in (2, 3):
            newer = self._revised(
                out, sent.platform_message_id, revision, f"{revision} of 3", sent.context
            )
            await self.adapter.update(ctx, newer)
            words = f"{revision} of 3"
            await self._until(lambda words=words: bool(self.with_words(desk, words)))
        (seen,) = desk.visible()
        assert "3 of 3" in seen.text
        assert seen.edits >= 2

    async def test_a_repeat_does_not_bring_an_old_state_back(self, desk: Desk) -> None:
        message = self.asked(desk)
        ctx = self.context(desk)
        await self.adapter.send(ctx, self.answer(message, "done"))
        card = Card("", "blue", (Text("1 of 3"),))
        old = self.answer(message, card, role="progress")
        await self.adapter.send(ctx, old)
        assert self.with_words(desk, "done") == desk.visible()
        assert self.with_words(desk, "of 3") == []

    async def test_an_edit_may_be_repeated(self, desk: Desk) -> None:
        ctx, out = self.context(desk), self._progress(desk, "1 of 3")
        sent = await self.adapter.send(ctx, out)
        newer = self._revised(out, sent.platform_message_id, 1, "3 of 3", sent.context)
        for _ in range(2):
            await self.adapter.update(ctx, newer)
        await self._until(lambda: bool(self.with_words(desk, "3 of 3")))
        assert len(desk.visible()) == 1

    async def test_files_go_out_each_once(self, desk: Desk) -> None:
        """A polled stream shows pictures; behind a socket every file is a message."""
        assert isinstance(desk, WecomAibotStand)
        picture = Media(b"\x89PNG\r\n\x1a\n" + bytes(60), "chart.png", "image/png")
        files = (Media(b"a,b\n1,2\n", "report.csv", "text/csv"), picture)
        out = self.answer(self.asked(desk), "see below", files=files)
        await self.adapter.send(self.context(desk), out)
        (seen,) = self.with_words(desk, "see below")
        assert [data for _, data in seen.files] == [picture.data]
        assert "report.csv" in seen.text
        async with connected(desk) as (inbox, _):
            message = await told(desk, inbox, desk.say("again"))
            ctx = self.context(desk, **settings(desk))
            for _ in range(2):
                await self.adapter.send(ctx, self.answer(message, "here", key="k", files=files))
        shown = [data for seen in desk.visible()[1:] for _, data in seen.files]
        assert shown == [files[0].data, files[1].data]

    async def _until(self, there: Callable[[], bool]) -> None:
        async with asyncio.timeout(SEEN_S):
            while not there():
                await asyncio.sleep(0.01)


def _event(name: str, value: dict[str, Any]) -> dict[str, Any]:
    return {"msgtype": "event", "event": {"eventtype": name, name: value}}
