"""Looks whether the homeserver forgot to push something, above all after it was restarted.

A homeserver repeats a transaction until we take it. But Synapse keeps what it is about to push in
memory only, and a transaction that was under way when it ended stays in its database until some
later one fails (read in 1.163, and measured: of sixty messages around a restart one never came).
A service cannot sync there, so its rooms are read; what came by push is stored already, under the
same event ids. An invitation that is lost so stays lost: nothing shows it.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any

import structlog

from apps.core import clock
from apps.im import matrix_api, matrix_events
from apps.im.errors import Later, Permanent, UnknownOutcome
from apps.im.matrix_api import part
from apps.im.matrix_probe import Probe
from apps.im.shapes import Inbound, Link, SendContext, accept

log = structlog.get_logger(__name__)
#: Between two looks whether the homeserver is there, and between two tries to read a room.
PROBE_S = 2.0
#: For so many looks it may be away before others are told.
MOST_PROBES = 30
#: Without any reason the rooms are read so often, too.
EVERY_S = 300.0
#: How far to look back before the moment at which all was well; the first time, from now.
MARGIN_S, FIRST_S = 120.0, 600.0
PAGE, MOST_PAGES = 50, 20
MOST_TRIES = 5
AT_ONCE = 4


async def keep(ctx: SendContext, link: Link, platform: str) -> None:
    """Read the rooms now, at times, and after every absence of the homeserver.

    Raises what its longer absence raises, and what `link` raises.
    """
    apart = replace(ctx, door=ctx.door.apart())
    try:
        await _keep(ctx, link, platform, Probe(apart))
    finally:
        await apart.door.aclose()


async def _keep(ctx: SendContext, link: Link, platform: str, probe: Probe) -> None:
    await probe.look()  # from now on its connection tells of every absence
    while True:
        began = clock.timestamp()
        since = float(link.held("well") or began - FIRST_S) - MARGIN_S
        probe.absent = False
        await _looking(probe, catch_up(ctx, link, platform, since))
        while not probe.absent and clock.timestamp() - began < EVERY_S:
            link.hold("well", str(clock.timestamp()))
            await asyncio.sleep(PROBE_S)
            await probe.look()
        if probe.absent:
            await _come_back(probe)


async def _looking(probe: Probe, work: Coroutine[Any, Any, None]) -> None:
    """Do some work, however long it takes, and go on looking meanwhile. Raises what it raises."""
    task = asyncio.create_task(work)
    try:
        while not (await asyncio.wait({task}, timeout=PROBE_S))[0]:
            await probe.look()
        await task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _come_back(probe: Probe) -> None:
    """Wait until the homeserver is there again. Raises `Later` when that takes long."""
    log.info("matrix.away")
    for _ in range(MOST_PROBES):
        if await probe.look():
            return
        await asyncio.sleep(PROBE_S)
    raise Later("the homeserver is away")


async def catch_up(ctx: SendContext, link: Link, platform: str, since: float) -> None:
    """Hand on everything that was said in our rooms since a moment (unix seconds).

    A room that cannot be read now is tried again. Raises `Later` when some could not be read.
    """
    found = await matrix_api.request(ctx, "GET", "/joined_rooms")
    left = [room for room in found.get("joined_rooms") or [] if isinstance(room, str)]
    places = asyncio.Semaphore(AT_ONCE)

    async def one(room: str) -> tuple[str, float]:
        async with places:
            try:
                messages = await _said(ctx, room, platform, since)
            except (Later, UnknownOutcome) as error:
                return room, max(PROBE_S, getattr(error, "delay_s", 0.0))
        if messages:
            await link.store(accept(*messages))
        return room, 0.0

    for _ in range(MOST_TRIES):
        tried = await asyncio.gather(*map(one, left))
        left = [room for room, wait in tried if wait]
        if not left:
            return
        await asyncio.sleep(max(wait for _, wait in tried))
    raise Later(f"{len(left)} rooms cannot be read")


async def _said(ctx: SendContext, room: str, platform: str, since: float) -> list[Inbound]:
    """What was said in one room since then and since we joined, oldest first."""
    bot, start = matrix_api.bot(ctx), ""
    newest_first: list[Any] = []
    for _ in range(MOST_PAGES):
        query = {"dir": "b", "limit": str(PAGE)} | ({"from": start} if start else {})
        try:
            page = await matrix_api.lenient(ctx, f"/rooms/{part(room)}/messages", query)
        except Permanent as error:
            log.warning("matrix.unreadable_room", error=str(error))
            break
        events = page.get("chunk") or []
        fresh = list(itertools.takewhile(lambda one: _is_for_us(one, since, bot), events))
        newest_first += fresh
        start = str(page.get("end") or "")
        if not start or len(fresh) < len(events):
            break
    return list(matrix_events.read_all(reversed(newest_first), bot, platform))


def _is_for_us(event: Any, since: float, bot: str) -> bool:
    """Did it happen since then, and after we came?"""
    if not isinstance(event, dict) or matrix_events.brings(event, bot):
        return False
    stamp = event.get("origin_server_ts")
    return isinstance(stamp, int) and stamp >= since * 1000
