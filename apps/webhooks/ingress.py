"""A webhook comes in: verify, store, wake, answer. The same code for ASGI and plain Django.

The answer to an accepted event is given after the commit that holds its rows, and does not wait for
the wake-up: what is stored is found without one. A bot's settings are remembered, but a message is
stored, and a refusal given, only under the settings as they are now.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

import structlog
from asgiref.sync import async_to_sync
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection, transaction

from apps.assistant import inbox, wake
from apps.assistant.lanes import lane_for
from apps.core import clock, metrics
from apps.core.limits import LocalLimit, Rate
from apps.im import facts
from apps.im.base import Inbound, InboundRequest, Received, all_platforms
from apps.webhooks import answers
from apps.webhooks.answers import Answer
from apps.webhooks.bots import Directory, Receiver, outdated
from apps.webhooks.group import GroupCommit

log = structlog.get_logger(__name__)
STORE_DOWN = (DatabaseError, InterfaceError, OSError)
STORE_PATIENCE_S = 8.0


class Outdated(Exception):
    """The bot's settings changed after this request was judged."""


@dataclass(frozen=True)
class Judged:
    """A request that an adapter accepted, under the settings it was judged by."""

    receiver: Receiver
    messages: tuple[Inbound, ...]


class Ingress:
    """One per process: the bots it knows, the refusals it counts, the commits it groups."""

    def __init__(self) -> None:
        self.directory = Directory()
        self.refused = LocalLimit(Rate.parse(settings.CLAWDBOT_LIMIT_REFUSED))
        self.group: GroupCommit[Judged, list[inbox.Stored] | Outdated] = GroupCommit(
            write, STORE_PATIENCE_S
        )
        self.waker = wake.Waker()
        self._notes: set[asyncio.Task[None]] = set()

    async def handle(
        self, platform: str, slug: str, request: InboundRequest, address: str
    ) -> Answer:
        """Answer one request; never raises."""
        try:
            if self._turned_away(platform, slug, request, address):
                return self._count(platform, answers.refuse(429, "too_many_refused"))
            answer = await self._handle(platform, slug, request)
        except (*STORE_DOWN, TimeoutError) as error:
            log.error("ingress.store_down", platform=platform, error=type(error).__name__)
            answer = answers.refuse(503, "store_down")
        except Exception:
            log.exception("ingress.failed", platform=platform, slug=slug)
            answer = answers.refuse(503, "internal")
        return self._finish(platform, address, answer)

    async def _handle(self, platform: str, slug: str, request: InboundRequest) -> Answer:
        receiver = self.directory.remembered(platform, slug)
        fresh = receiver is None
        while True:
            if fresh:
                receiver = await self._read(platform, slug)
            if receiver is None:
                return answers.refuse(404, "unknown_bot")
            received = receiver.adapter.receive(receiver.config, request, clock.timestamp())
            if received.verdict == "reject" and not fresh:
                fresh = True
                continue
            if received.verdict == "control":
                return await _controlled(receiver, received)
            if received.verdict != "accept":
                self._note(receiver, received)
                return _other(received)
            stored = await self.group.submit(Judged(receiver, tuple(received.messages)))
            if isinstance(stored, Outdated):
                fresh = True
                continue
            for lane in _lanes(received):
                self.waker.wake(lane)
            return answers.accepted(received)

    def _note(self, receiver: Receiver, received: Received) -> None:
        """Remember what leaves no row, without holding up the answer."""
        if what := _worth_noting(receiver, received):
            call = asyncio.to_thread(facts.note, receiver.bot_id, what, received.reason or "")
            task = asyncio.create_task(call)
            self._notes.add(task)
            task.add_done_callback(self._notes.discard)

    async def _read(self, platform: str, slug: str) -> Receiver | None:
        async with asyncio.timeout(STORE_PATIENCE_S):
            return await asyncio.to_thread(reading, self.directory, platform, slug)

    def handle_sync(
        self, platform: str, slug: str, request: InboundRequest, address: str
    ) -> Answer:
        """The same for WSGI hosts and tests, one commit for each request."""
        try:
            if self._turned_away(platform, slug, request, address):
                return self._count(platform, answers.refuse(429, "too_many_refused"))
            answer = self._handle_sync(platform, slug, request)
        except STORE_DOWN as error:
            log.error("ingress.store_down", platform=platform, error=type(error).__name__)
            answer = answers.refuse(503, "store_down")
        except Exception:
            log.exception("ingress.failed", platform=platform, slug=slug)
            answer = answers.refuse(503, "internal")
        return self._finish(platform, address, answer)

    def _handle_sync(self, platform: str, slug: str, request: InboundRequest) -> Answer:
        receiver = self.directory.read(platform, slug)
        if receiver is None:
            return answers.refuse(404, "unknown_bot")
        received = receiver.adapter.receive(receiver.config, request, clock.timestamp())
        if received.verdict == "control":
            return async_to_sync(_controlled)(receiver, received)
        if received.verdict != "accept":
            if what := _worth_noting(receiver, received):
                facts.note(receiver.bot_id, what, received.reason or "")
            return _other(received)
        store([Judged(receiver, tuple(received.messages))])
        for lane in _lanes(received):
            wake.wake(lane)
        return answers.accepted(received)

    def _turned_away(self, platform: str, slug: str, request: InboundRequest, address: str) -> bool:
        """Is this one more bad request from an address that sent too many of them?

        A genuine event never suffers for what else comes from its address (a vendor, a proxy): it
        is told by its signature alone, under the settings as last read, without any I/O.
        """
        if not self.refused.blocked(address, time.time()):
            return False
        receiver = self.directory.remembered(platform, slug)
        if receiver is None:
            return not self.directory.may_be_new()
        received = receiver.adapter.receive(receiver.config, request, clock.timestamp())
        return received.verdict == "reject"

    def refuse(self, platform: str, address: str, answer: Answer) -> Answer:
        """Count a refusal that was given before any adapter was asked."""
        return self._finish(platform, address, answer)

    def _finish(self, platform: str, address: str, answer: Answer) -> Answer:
        if answer.reason and answer.status not in {429, 503}:
            self.refused.hit(address, time.time())
        return self._count(platform, answer) if answer.reason else answer

    def _count(self, platform: str, answer: Answer) -> Answer:
        label = platform if platform in all_platforms() else "unknown"
        metrics.count("clawdbot_webhook_rejections_total", platform=label, reason=answer.reason)
        return answer


def _worth_noting(receiver: Receiver, received: Received) -> str:
    """Under which name a request is remembered that leaves no row; "" for not at all."""
    what = {"reject": "refused", "challenge": "challenge"}.get(received.verdict, "")
    return what if what and facts.due(receiver.bot_id, what) else ""


async def _controlled(receiver: Receiver, received: Received) -> Answer:
    """What the platform polls for, from what is known now."""
    now = clock.timestamp()
    body = await receiver.adapter.control(receiver.config, received.question, now)
    return Answer(200, body)


def _other(received: Received) -> Answer:
    if received.verdict == "reject":
        return answers.rejected(received)
    return answers.accepted(received)  # challenge, ignore: answered, nothing stored


def _lanes(received: Received) -> set[str]:
    return {lane_for(message.text, message.kind) for message in received.messages}


def reading(directory: Directory, platform: str, slug: str) -> Receiver | None:
    """Read a bot in a thread of its own, on a connection that is looked at first."""
    connection.close_if_unusable_or_obsolete()
    return directory.read(platform, slug)


def write(group: Sequence[Judged]) -> list[list[inbox.Stored] | Outdated]:
    """Commit a group: everything whose bot is still as it was judged, in one transaction."""
    connection.close_if_unusable_or_obsolete()
    try:
        return _write(group)
    except STORE_DOWN:
        connection.close()
        raise


def _write(group: Sequence[Judged]) -> list[list[inbox.Stored] | Outdated]:
    with transaction.atomic():
        old = outdated(judged.receiver for judged in group)
        good = [(j.receiver.bot_id, j.receiver.version) not in old for j in group]
        stored = iter(store([j for j, fresh in zip(group, good, strict=True) if fresh]))
    return [next(stored) if fresh else Outdated() for fresh in good]


def store(group: Sequence[Judged]) -> list[list[inbox.Stored]]:
    """Store the messages of several requests at once; one list of results for each request."""
    if not group:
        return []
    flat = [inbox.incoming(j.receiver.bot_id, message) for j in group for message in j.messages]
    results = iter(inbox.store(flat))
    return [[next(results) for _ in j.messages] for j in group]
