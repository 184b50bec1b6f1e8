"""The systems of a run, by name: started together, warmed up, and all ended whatever happens."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import ExitStack, asynccontextmanager

from benchmarks import load
from benchmarks.database import Database
from benchmarks.installation import Installation
from benchmarks.peers.bare import Bare
from benchmarks.peers.celery import StockCelery
from benchmarks.peers.slack_bolt import SlackBolt, SlackBoltAsync
from benchmarks.system import System
from benchmarks.wire import Sink

OURS = ("clawdbot-sqlite", "clawdbot-postgres")
PEERS: dict[str, Callable[[str], System]] = {
    "bare": Bare,
    "celery": StockCelery,
    "slack-bolt": SlackBolt,
    "slack-bolt-async": SlackBoltAsync,
}
NAMES = (*PEERS, *OURS)
WARM = 300


def reply_url(sink: Sink) -> str:
    """Where everybody answers to."""
    return f"http://127.0.0.1:{sink.port}/"


def make(name: str, sink: Sink, cleanup: ExitStack) -> System:
    """The system of that name; what it needs beside itself is ended with `cleanup`."""
    if name in PEERS:
        return PEERS[name](reply_url(sink))
    return installation(name, cleanup)


def installation(name: str, cleanup: ExitStack, only: str = "", suffix: str = "") -> Installation:
    """A ClawdBot that was not started yet."""
    database = None
    if name == "clawdbot-postgres":
        database = Database()
        cleanup.callback(database.stop)
    found = Installation(database, only)
    found.name += suffix
    return found


async def begin(system: System, sink: Sink, cleanup: ExitStack) -> None:
    """Start it and give it people; it is stopped and removed with `cleanup`."""
    cleanup.callback(system.remove)
    cleanup.callback(system.stop)
    await asyncio.to_thread(system.start)
    if isinstance(system, Installation):
        await asyncio.to_thread(system.seed, reply_url(sink))


async def warm(system: System, sink: Sink) -> None:
    """Some messages before anything counts."""
    tag = f"warm-{system.name}-{time.time_ns()}"
    await load.ask(system.target, sink, chats=8, messages=WARM, tag=tag)


@asynccontextmanager
async def serving(names: Sequence[str]) -> AsyncIterator[tuple[list[System], Sink]]:
    """These systems, whole, warm and side by side."""
    with ExitStack() as cleanup:
        sink = Sink()
        await sink.start()
        cleanup.callback(sink.close)
        systems = [make(name, sink, cleanup) for name in names]
        for system in systems:
            await begin(system, sink, cleanup)
            await warm(system, sink)
        yield systems, sink


@asynccontextmanager
async def taking(names: Sequence[str]) -> AsyncIterator[list[System]]:
    """The sides of these systems that acknowledge, without whatever comes after."""
    with ExitStack() as cleanup:
        sink = Sink()
        await sink.start()
        cleanup.callback(sink.close)
        systems: list[System] = []
        for name in names:
            if name in OURS:
                systems.append(installation(name, cleanup, only="web"))
            elif name == "bare":
                systems.append(Bare(reply_url(sink), consume=False))
            elif name == "celery":
                systems.append(StockCelery(reply_url(sink), consume=False))
        for system in systems:
            await begin(system, sink, cleanup)
            tag = f"warm-{system.name}"
            await load.send(system.target, connections=8, messages=WARM, tag=tag)
        yield systems
