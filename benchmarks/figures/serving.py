"""The figures of whole systems side by side: `/ping`, jobs, acknowledgements under load."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks import fleet
from benchmarks.figures import acks, jobs, ping
from benchmarks.measure import Row, medians
from benchmarks.size import Size

Figures = dict[str, dict[str, Row]]
CHATS = (1, 8, 64)
BURST, BURST_S = 2000, 5


async def pings(names: Sequence[str], size: Size) -> Figures:
    """`ping_1`, `ping_8`, `ping_64`."""
    found: Figures = {}
    async with fleet.serving(names) as (systems, sink):
        for chats in CHATS:
            messages = size.messages if chats > 1 else size.messages // 5
            asking = ping.asking(sink, chats, messages)
            found[f"ping_{chats}"] = await medians(systems, asking, size.rounds)
    return found


async def whole(names: Sequence[str], size: Size) -> Figures:
    """`acks_full`: as fast as they come; `burst`: 2,000 events in 5 s."""
    found: Figures = {}
    async with fleet.serving(names) as (systems, sink):
        full = acks.full(sink, size.messages)
        found["acks_full"] = await medians(systems, full, size.rounds)
        burst = acks.full(sink, BURST, BURST / BURST_S)
        found["burst"] = await medians(systems, burst, max(1, size.rounds // 2))
    return found


async def running(names: Sequence[str], size: Size) -> Figures:
    """`jobs_64`: jobs that were asked for; `jobs_empty`: jobs alone."""
    found: Figures = {}
    async with fleet.serving([n for n in names if n == "celery" or n in fleet.OURS]) as (
        systems,
        sink,
    ):
        asking = ping.asking(sink, 64, size.messages // 16, "/noop")
        found["jobs_64"] = await medians(systems, asking, size.rounds)
        found["jobs_empty"] = await medians(systems, jobs.empty(size.messages // 16), size.rounds)
    return found


async def taking(names: Sequence[str], size: Size) -> Figures:
    """`acks`: verified and committed, with nobody behind."""
    async with fleet.taking(names) as systems:
        return {"acks": await medians(systems, acks.alone(size.messages), size.rounds)}
