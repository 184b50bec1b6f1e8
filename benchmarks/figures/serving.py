"""The figures of whole systems side by side: `/ping`, jobs, acknowledgements under load."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks import fleet
from benchmarks.figures import acks, ping
from benchmarks.measure import Row, medians
from benchmarks.size import Size

Figures = dict[str, dict[str, Row]]
CHATS = (1, 8, 64)


async def measure(names: Sequence[str], size: Size) -> Figures:
    """`ping_1`, `ping_8`, `ping_64`, `jobs_64`, `acks_full`."""
    found: Figures = {}
    async with fleet.serving(names) as (systems, sink):
        for chats in CHATS:
            messages = size.messages if chats > 1 else size.messages // 5
            asking = ping.asking(sink, chats, messages)
            found[f"ping_{chats}"] = await medians(systems, asking, size.rounds)
        full = acks.full(sink, size.messages)
        found["acks_full"] = await medians(systems, full, size.rounds)
    return found


async def taking(names: Sequence[str], size: Size) -> Figures:
    """`acks`: verified and committed, with nobody behind."""
    async with fleet.taking(names) as systems:
        return {"acks": await medians(systems, acks.alone(size.messages), size.rounds)}
