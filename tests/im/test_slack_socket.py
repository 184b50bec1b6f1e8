"""Socket Mode: what comes through a socket is stored, then acknowledged; a new one in time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pytest

from apps.core import sockets
from apps.core.http import Door, Refused
from apps.im.base import (
    BotBroken,
    Inbound,
    InboundRequest,
    Later,
    Received,
    SendContext,
    get_platform,
)
from apps.im.tokens import TokenCache
from apps.simulate.server import Answer
from apps.simulate.slack import SlackStand

SLACK = get_platform("slack")
OPEN = "apps.connections.open"


@dataclass
class Inbox:
    """A link whose inbox is a list; `away` is a store that is down."""

    base: str
    stored: list[Inbound] = field(default_factory=list)
    away: bool = False
    replaced: int = 0
    #: Called before anything is stored.
    before: Callable[[], None] = lambda: None

    async def store(self, received: Received) -> bool:
        self.before()
        if self.away:
            raise Later("the store is away")
        self.stored += received.messages
        return True

    def socket(
        self, url: str, *, headers: Mapping[str, str] | None = None, silence_s: float = 90.0
    ) -> AbstractAsyncContextManager[sockets.Socket]:
        ours = [urlsplit(self.base).hostname or ""]
        return sockets.opened(
            url,
            configured=ours,
            allow=SLACK.stream_hosts,
            headers=headers,
            silence_s=silence_s,
        )

    def replace(self) -> None:
        self.replaced += 1

    def hold(self, key: str, value: str) -> None:
        raise AssertionError("Slack keeps nothing")

    def held(self, key: str) -> str:
        return ""


def context(stand: SlackStand, **config: Any) -> SendContext:
    settings = stand.config(connection="stream", signing_secret="", **config)
    return SendContext(settings, 1, Door(), TokenCache())


@asynccontextmanager
async def streaming(
    stand: SlackStand, inbox: Inbox | None = None
) -> AsyncIterator[tuple[Inbox, asyncio.Task[None]]]:
    ctx = context(stand)
    inbox = inbox or Inbox(ctx.config["api_base"])
    task = asyncio.create_task(SLACK.stream(ctx, inbox))
    await until(lambda: stand.socket.live or task.done())
    try:
        yield inbox, task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(there: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not there():
            await asyncio.sleep(0.01)


async def test_what_comes_is_stored_and_then_acknowledged(slack_stand: SlackStand) -> None:
    async with streaming(slack_stand) as (inbox, _):
        inbox.before = lambda: seen.append(len(slack_stand.socket.acks))
        seen: list[int] = []
        pushes = [
            slack_stand.say("/ping"),
            slack_stand.slash("/task", "x"),
            slack_stand.submit("bind", code="1"),
        ]
        sent = [slack_stand.by_socket(push) for push in pushes]
        await until(lambda: slack_stand.socket.acks == sent)
    assert [one.kind for one in inbox.stored] == ["text", "command", "form"]
    assert all(acks <= number for number, acks in enumerate(seen))  # never before it was stored


async def test_it_is_the_same_message_as_by_webhook(slack_stand: SlackStand) -> None:
    push = slack_stand.say("看 <https://a.example|这里>", group=True)
    stamp = float(push.headers["X-Slack-Request-Timestamp"])
    request = InboundRequest("POST", "/", {}, push.headers, push.body)
    by_webhook = SLACK.receive(slack_stand.config(), request, stamp).messages
    async with streaming(slack_stand) as (inbox, _):
        slack_stand.by_socket(push)
        await until(lambda: inbox.stored)
    assert tuple(inbox.stored) == by_webhook


async def test_what_is_none_of_ours_is_acknowledged_and_not_stored(
    slack_stand: SlackStand,
) -> None:
    async with streaming(slack_stand) as (inbox, task):
        slack_stand.wait_for(slack_stand.socket.frame("{"))
        slack_stand.wait_for(slack_stand.socket.frame('{"type":"events_api"}'))
        slack_stand.wait_for(
            slack_stand.socket.frame('{"type":"events_api","envelope_id":"e1","payload":7}')
        )
        slack_stand.wait_for(
            slack_stand.socket.frame('{"type":"odd","envelope_id":"e2","payload":{}}')
        )
        talk = slack_stand.by_socket(slack_stand.say("x", group=True, mention=False))
        await until(lambda: talk in slack_stand.socket.acks)
        assert not task.done()
    assert slack_stand.socket.acks == ["e1", "e2", talk]
    assert not inbox.stored


async def test_what_could_not_be_stored_comes_again(slack_stand: SlackStand) -> None:
    async with streaming(slack_stand) as (inbox, _):
        push = slack_stand.say("/ping")
        inbox.away = True
        slack_stand.by_socket(push)
        talk = slack_stand.by_socket(slack_stand.say("x", group=True, mention=False))
        await until(lambda: slack_stand.socket.acks == [talk])
        inbox.away = False
        again = slack_stand.by_socket(push, retry=1)
        await until(lambda: slack_stand.socket.acks == [talk, again])
    assert len(inbox.stored) == 1


@pytest.mark.parametrize("reason", ["warning", "refresh_requested"])
async def test_the_next_connection_is_asked_for_before_this_one_ends(
    slack_stand: SlackStand, reason: str
) -> None:
    async with streaming(slack_stand) as (inbox, task):
        slack_stand.wait_for(slack_stand.socket.disconnect(reason))
        await until(lambda: inbox.replaced == 1)
        # Until it ends it still brings what comes.
        slack_stand.by_socket(slack_stand.say("/ping"))
        await until(lambda: inbox.stored)
        assert not task.done()
        # The goodbye is answered by this loop.
        asyncio.run_coroutine_threadsafe(slack_stand.socket.hang_up(), slack_stand._loop)
        await until(task.done)
        assert task.exception() is None


async def test_socket_mode_that_is_switched_off_breaks_the_bot(slack_stand: SlackStand) -> None:
    async with streaming(slack_stand) as (_, task):
        slack_stand.wait_for(slack_stand.socket.disconnect("link_disabled"))
        await until(task.done)
        assert isinstance(task.exception(), BotBroken)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(429, {"ok": False, "error": "ratelimited"}, {"retry-after": "7"}),
        Answer(200, {"ok": False, "error": "internal_error"}),
        Answer(200, {"ok": True}),
        Answer(500),
    ],
)
async def test_no_address_now_is_a_matter_of_waiting(
    slack_stand: SlackStand, answer: Answer
) -> None:
    slack_stand.fail(OPEN, "answer", answer)
    ctx = context(slack_stand)
    with pytest.raises(Later) as caught:
        await SLACK.stream(ctx, Inbox(ctx.config["api_base"]))
    assert caught.value.delay_s == (7 if answer.status == 429 else 0)


@pytest.mark.parametrize("token", ["", "xapp-wrong", "{bot}"])
async def test_a_wrong_app_token_breaks_the_bot(slack_stand: SlackStand, token: str) -> None:
    token = slack_stand.bot_token if token == "{bot}" else token
    ctx = context(slack_stand, app_token=token)
    with pytest.raises(BotBroken):
        await SLACK.stream(ctx, Inbox(ctx.config["api_base"]))


async def test_a_token_without_its_scope_breaks_the_bot(slack_stand: SlackStand) -> None:
    slack_stand.app_scopes.clear()
    ctx = context(slack_stand)
    with pytest.raises(BotBroken, match="connections:write"):
        await SLACK.stream(ctx, Inbox(ctx.config["api_base"]))


@pytest.mark.parametrize(
    "url", ["wss://evil.example/link", "ws://wss-primary.slack.com/link", "wss://10.0.0.1/link"]
)
async def test_the_address_leads_to_slack_or_nowhere(slack_stand: SlackStand, url: str) -> None:
    slack_stand.fail(OPEN, "answer", Answer(200, {"ok": True, "url": url}))
    ctx = context(slack_stand)
    with pytest.raises(Refused):
        await SLACK.stream(ctx, Inbox(ctx.config["api_base"]))


async def test_an_address_is_good_once(slack_stand: SlackStand) -> None:
    async with streaming(slack_stand), streaming(slack_stand):
        await until(lambda: len(slack_stand.socket.live) == 2)
    urls = {answer.body["url"] for call, answer, _ in slack_stand.answered if OPEN in call.path}
    assert len(urls) == 2
