"""Silver: it keeps limits, tries again without doing twice, and knows its way about in groups."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from apps.core.http import Door
from apps.im.base import DeliveryError, Later, Outgoing, Sent, UnknownOutcome
from apps.im.shapes import SendContext
from apps.simulate.desk import Desk
from apps.simulate.server import Answer
from tests.im.quality.bronze import Bronze

WAIT_S = 7
PATIENCE_S = 0.3
REPEATED = "may be a repeat"
LINES = [f"line-{number:04d} 汉字" for number in range(600)]


class Silver(Bronze):
    """Whoever passes this can be relied on when things go wrong."""

    level = "silver"

    async def _ready(self, desk: Desk) -> tuple[SendContext, Outgoing]:
        """A context that has what it needs (a token), and an answer that was not sent yet."""
        ctx = self.context(desk)
        await self.adapter.send(ctx, self.answer(self.asked(desk), "the first"))
        return ctx, self.answer(self.asked(desk), "the second")

    async def _repeat(self, ctx: SendContext, out: Outgoing, error: DeliveryError) -> Sent:
        """The next attempt, as the outbox makes it after this error."""
        unknown = isinstance(error, UnknownOutcome)
        repeat = unknown and not self.adapter.abilities.idempotency
        context = {**out.context, **error.done}
        return await self.adapter.send(
            ctx, replace(out, repeat=repeat, again=True, context=context)
        )

    def _seen_once(self, desk: Desk, words: str) -> None:
        """People see it once; what may be a second time says so."""
        shown = self.with_words(desk, words)
        plain = [seen for seen in shown if REPEATED not in seen.text]
        assert len(plain) <= 1, shown
        assert 1 <= len(shown) <= (1 if self.adapter.abilities.idempotency else 2), shown

    # ---- limits and failures ----

    async def test_a_refusal_says_how_long_to_wait(self, desk: Desk) -> None:
        ctx, out = await self._ready(desk)
        desk.fail("", "answer", desk.too_many(WAIT_S))
        count = len(desk.calls)
        with pytest.raises(Later) as caught:
            await self.adapter.send(ctx, out)
        assert len(desk.calls) == count + 1  # it does not try again by itself
        if "retry_after" not in self.not_possible:
            assert caught.value.delay_s == WAIT_S
        await self.adapter.send(ctx, out)
        self._seen_once(desk, "the second")

    @pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
    @pytest.mark.parametrize("kind", ["500", "503", "reset", "cut", "hang"])
    async def test_a_failed_call_is_repeated_and_seen_once(
        self, desk: Desk, kind: str, after: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ctx, out = await self._ready(desk)
        # Whatever the door tries by itself meets the same fault.
        fault: dict[str, Any] = {"after": after, "times": 2}
        if kind in {"500", "503"}:
            desk.fail("", "answer", Answer(int(kind), {}), after=after)
        else:
            desk.fail("", kind, **fault)
        with monkeypatch.context() as patch:
            patch.setattr(Door, "request", _hasty(Door.request))
            with pytest.raises((Later, UnknownOutcome)) as caught:
                await asyncio.wait_for(self.adapter.send(ctx, out), 8)
        desk.mend()
        await self._repeat(ctx, out, caught.value)
        self._seen_once(desk, "the second")

    async def test_nobody_listens_for_a_while(self, desk: Desk) -> None:
        ctx, out = await self._ready(desk)
        desk.go_down()
        with pytest.raises((Later, UnknownOutcome)) as caught:
            await self.adapter.send(ctx, out)
        desk.come_back()
        await self._repeat(ctx, out, caught.value)
        assert len(self.with_words(desk, "the second")) == 1

    async def test_a_token_that_expired_is_fetched_anew(self, desk: Desk) -> None:
        self.needs("tokens")
        ctx, out = await self._ready(desk)
        desk.revoke_tokens()
        count = len(desk.calls)
        await self.adapter.send(ctx, out)
        assert len(self.with_words(desk, "the second")) == 1
        assert len(desk.calls) <= count + 3  # refused, a token, and once more

    async def test_a_repeat_under_the_same_key_is_seen_once(self, desk: Desk) -> None:
        self.needs("idempotency")
        ctx, out = await self._ready(desk)
        for again in (False, True, True):
            await self.adapter.send(ctx, replace(out, again=again))
        assert len(self.with_words(desk, "the second")) == 1

    async def test_where_no_key_is_known_a_repeat_says_so(self, desk: Desk) -> None:
        ctx, out = await self._ready(desk)
        await self.adapter.send(ctx, replace(out, repeat=True, again=True))
        (seen,) = self.with_words(desk, "the second")
        assert REPEATED in seen.text

    async def test_a_long_answer_arrives_whole(self, desk: Desk) -> None:
        ctx = self.context(desk)
        await self.adapter.send(ctx, self.answer(self.asked(desk), "\n".join(LINES)))
        assert self.with_words(desk, LINES[-1])
        whole = "\n".join(seen.text for seen in desk.visible())
        missing = [line for line in LINES if line not in whole]
        assert not missing
        assert "�" not in whole

    # ---- the same again ----

    def test_a_push_that_comes_again_has_the_same_key(self, desk: Desk) -> None:
        push = desk.say("/ping")
        first, second = self.only(desk, push), self.only(desk, desk.again(push))
        assert first.dedupe_key == second.dedupe_key
        assert first.second_key == second.second_key

    def test_two_honest_messages_are_two(self, desk: Desk) -> None:
        first, second = self.asked(desk), self.asked(desk)
        assert first.dedupe_key != second.dedupe_key
        assert first.second_key is None or first.second_key != second.second_key

    # ---- groups ----

    def test_in_a_group_it_knows_that_it_is_mentioned(self, desk: Desk) -> None:
        self.needs("groups")
        message = self.only(desk, desk.say("/ping now", "bob", group=True))
        assert (message.text, message.mentions_bot) == ("/ping now", True)
        assert (message.chat_type, message.chat_id) == ("group", desk.group)
        assert message.sender_id == desk.people["bob"]

    def test_in_a_group_others_may_talk(self, desk: Desk) -> None:
        self.needs("groups")
        self.needs("mentions")
        self._not_addressed(desk, desk.say("lunch?", "bob", group=True, mention=False))

    def test_everybody_is_not_the_bot(self, desk: Desk) -> None:
        push = desk.say_to_all("lunch?", "bob")
        if push is not None:
            self._not_addressed(desk, push)

    def _not_addressed(self, desk: Desk, push: Any) -> None:
        received = self.receive(desk, push)
        assert received.http_status == 200
        assert received.verdict == "ignore" or not received.messages[0].mentions_bot

    async def test_an_answer_goes_where_it_was_asked(self, desk: Desk) -> None:
        self.needs("groups")
        message = self.only(desk, desk.say("/ping", "bob", group=True))
        await self.adapter.send(self.context(desk), self.answer(message, "to all of you"))
        (seen,) = self.with_words(desk, "to all of you")
        assert (seen.chat, seen.private_to) == (desk.group, "")

    async def test_a_private_answer_is_seen_by_one(self, desk: Desk) -> None:
        self.needs("groups")
        self.needs("private")
        message = self.only(desk, desk.say("/ping", "bob", group=True))
        out = self.answer(message, "for you alone", private_to=message.sender_id)
        await self.adapter.send(self.context(desk), out)
        (seen,) = self.with_words(desk, "for you alone")
        assert seen.private_to == desk.people["bob"] or seen.chat != desk.group


def _hasty(request: Any) -> Any:
    """The door of somebody who waits for nobody."""

    async def hasty(door: Door, *args: Any, **options: Any) -> Any:
        return await request(door, *args, **{**options, "timeout": PATIENCE_S})

    return hasty
