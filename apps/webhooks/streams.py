"""Keeps the outgoing connections of bots (`bots.streaming`): one live one for each bot.

A lease in the database says which process holds a bot's connection, so that a second `connect`
waits beside the first and takes over when that one dies. What a connection brings goes through the
same inbox as webhooks do, and is acknowledged after its commit.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import socket
from dataclasses import dataclass, field
from typing import Any

import structlog
from django.db import DatabaseError, InterfaceError, connection

from apps.assistant import wake
from apps.core import leases
from apps.core.errors import ClawdbotError
from apps.im import bots
from apps.im.base import BotBroken, Later, get_platform
from apps.im.models import Bot
from apps.webhooks.bots import Receiver
from apps.webhooks.group import GroupCommit
from apps.webhooks.ingress import write
from apps.webhooks.link import Group, SettingsChanged, StreamLink

log = structlog.get_logger(__name__)
LOOK_S = 2.0  # between two looks at which bots there are
LEASE_S = 15.0
RENEW_S = 4.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 60.0
#: A connection that lived for so long was a good one: its end is no fault.
LIVED_S = 30.0
PATIENCE = 3  # so often the platform may refuse the bot itself before it is disabled
AWAY = (DatabaseError, InterfaceError, OSError)


@dataclass
class Keeper:
    """One bot's connection: made, kept, replaced, and made anew."""

    bot: Bot
    receiver: Receiver
    group: Group
    waker: wake.Waker
    kept: dict[str, str] = field(default_factory=dict)
    state: str = "waiting"
    refused: int = 0
    _next: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Keep one connection until cancelled; while it is being replaced there are two."""
        pause = FIRST_PAUSE_S
        under_way: set[asyncio.Task[float]] = set()
        try:
            while True:
                self._next.clear()
                current = asyncio.create_task(self._once())
                under_way.add(current)
                current.add_done_callback(under_way.discard)
                successor = asyncio.create_task(self._next.wait())
                await asyncio.wait({current, successor}, return_when=asyncio.FIRST_COMPLETED)
                successor.cancel()
                if not current.done():
                    continue  # the old one ends by itself
                wait = current.result()
                if wait < 0:
                    pause = FIRST_PAUSE_S
                    continue
                await asyncio.sleep(max(wait, pause * random.uniform(0.8, 1.2)))  # noqa: S311
                pause = min(pause * 2, LONGEST_PAUSE_S)
        finally:
            for task in under_way:
                task.cancel()
            await asyncio.gather(*under_way, return_exceptions=True)

    async def _once(self) -> float:
        """One connection; returns how long to wait before the next, negative for not at all."""
        began = asyncio.get_running_loop().time()
        self.state = "connected"
        link = StreamLink(self.receiver, self.group, self.waker, self.kept, self._next.set)
        wait = 0.0
        try:
            context = await asyncio.to_thread(_in_thread, bots.send_context, self.bot)
            await self.receiver.adapter.stream(context, link)
            log.info("stream.ended", bot=self.bot.slug)
            self.refused = 0
        except SettingsChanged:
            wait = LOOK_S  # the next look at the bots ends this keeper
        except BotBroken as error:
            await self._broken(error)
        except (ClawdbotError, *AWAY, TimeoutError) as error:
            wait = error.delay_s if isinstance(error, Later) else 0.0
            self._say(error)
        except Exception as error:
            # A boundary: one adapter's fault must not end the other bots' connections.
            log.exception("stream.failed", bot=self.bot.slug)
            self.state = type(error).__name__
        lived = asyncio.get_running_loop().time() - began
        return -1.0 if lived > LIVED_S and not wait else wait

    async def _broken(self, error: BotBroken) -> None:
        self._say(error)
        self.refused += 1
        if self.refused >= PATIENCE:
            await asyncio.to_thread(_in_thread, bots.disable_broken, self.bot.pk, str(error))

    def _say(self, error: BaseException) -> None:
        self.state = str(error)[:200] or type(error).__name__
        log.warning("stream.lost", bot=self.bot.slug, error=self.state)


@dataclass
class _Held:
    """A bot whose lease is ours."""

    keeper: Keeper
    task: asyncio.Task[None]
    epoch: int


class Connector:
    """All connections of this process."""

    def __init__(self) -> None:
        self.name = f"{socket.gethostname()}:{os.getpid()}:connect"
        self._held: dict[int, _Held] = {}
        self._group: Group = GroupCommit(write)
        self._waker = wake.Waker()
        self._kept: dict[int, dict[str, str]] = {}

    async def run(self, stop: asyncio.Event, looked: Any = None) -> None:
        """Keep the connections until `stop` is set; `looked` is called after each look."""
        try:
            while not stop.is_set():
                try:
                    await self._look()
                except AWAY as error:
                    log.error("connect.store_down", error=type(error).__name__)
                if looked is not None:
                    looked()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), LOOK_S)
        finally:
            await asyncio.gather(*(self._drop(pk) for pk in list(self._held)))
            with contextlib.suppress(*AWAY):
                await asyncio.to_thread(_in_thread, leases.gone, self.name)

    async def _look(self) -> None:
        """Begin what is new, end what was changed or lost, renew what is ours."""
        wanted = {bot.pk: bot for bot in await asyncio.to_thread(_in_thread, stream_bots)}
        for pk, held in list(self._held.items()):
            bot = wanted.get(pk)
            changed = bot is None or bot.version != held.keeper.bot.version
            if changed or held.task.done() or not await self._renew(pk, held):
                await self._drop(pk)
        for pk, bot in wanted.items():
            if pk not in self._held:
                await self._begin(bot)
        detail = {held.keeper.bot.slug: held.keeper.state for held in self._held.values()}
        await asyncio.to_thread(_in_thread, leases.beat, "connect", self.name, {"bots": detail})

    async def _renew(self, pk: int, held: _Held) -> bool:
        ours = (lease_of(held.keeper.bot), self.name, held.epoch, LEASE_S)
        return await asyncio.to_thread(_in_thread, leases.renew, *ours)

    async def _begin(self, bot: Bot) -> None:
        epoch = await asyncio.to_thread(
            _in_thread, leases.acquire, lease_of(bot), self.name, LEASE_S
        )
        if epoch is None:
            return  # another process holds it
        try:
            config = await asyncio.to_thread(_in_thread, bots.config_of, bot)
            receiver = Receiver(bot.pk, bot.version, get_platform(bot.platform), config)
        except ClawdbotError as error:
            log.error("stream.unfit", bot=bot.slug, code=error.code)
            return
        kept = self._kept.setdefault(bot.pk, {})
        keeper = Keeper(bot, receiver, self._group, self._waker, kept)
        task = asyncio.create_task(keeper.run(), name=f"stream-{bot.slug}")
        self._held[bot.pk] = _Held(keeper, task, epoch)
        log.info("stream.begun", bot=bot.slug)

    async def _drop(self, pk: int) -> None:
        held = self._held.pop(pk)
        held.task.cancel()
        await asyncio.gather(held.task, return_exceptions=True)
        with contextlib.suppress(*AWAY):
            await asyncio.to_thread(
                _in_thread, leases.release, lease_of(held.keeper.bot), self.name, held.epoch
            )


def stream_bots() -> list[Bot]:
    """The bots for which a connection is kept."""
    return list(bots.streaming())


def lease_of(bot: Bot) -> str:
    """The name of the lease of a bot's connection."""
    return f"stream:{bot.uid}"


def _in_thread(work: Any, *args: Any) -> Any:
    """Call the database from a thread whose connection is looked at first."""
    connection.close_if_unusable_or_obsolete()
    return work(*args)
