"""One measurement: the same calls past us, through us and as chats, beside a steady `/ping`."""

from __future__ import annotations

import asyncio
import json
import urllib.request
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from benchmarks.installation import Installation
from benchmarks.measure import Cost
from benchmarks.meter import settle
from benchmarks.models import asking, places
from benchmarks.models.asking import Door, Heard, percentile
from benchmarks.models.chatting import Chats
from benchmarks.models.places import Size
from benchmarks.models.shape import Shape

Row = dict[str, float]


@dataclass
class Bench:
    """What is measured: an installation, the model's server, and the way past us and through us."""

    home: Installation
    chats: Chats
    past: Door
    through: Door
    shape: Shape
    peaks: dict[str, dict[str, Size]] = field(default_factory=dict)
    ping_cpu_s: float = 0.0

    async def all(self) -> dict[str, Row]:
        """Every figure once."""
        shape = self.shape
        count, each, kept = shape.calls, shape.total_s, shape.kept_s
        alone = await self._beside("ping alone", lambda: asyncio.sleep(each + kept))
        self.ping_cpu_s = alone["cpu_s"] / alone["pings"]
        return {
            "ping alone": alone,
            "past, at once": await self._calls("past, at once", self._at_once(self.past)),
            "through, at once": await self._calls("through, at once", self._at_once(self.through)),
            "past, kept up": await self._calls("past, kept up", self._kept_up(self.past)),
            "through, kept up": await self._calls("through, kept up", self._kept_up(self.through)),
            "chats, at once": await self._chats(
                "chats, at once", lambda: self.chats.ask_at_once(count)
            ),
            "chats, kept up": await self._chats(
                "chats, kept up", lambda: self.chats.keep_asking(count, each, kept)
            ),
        }

    def _at_once(self, door: Door) -> Callable[[], Awaitable[list[Heard]]]:
        return lambda: asking.at_once(door, self.shape.calls)

    def _kept_up(self, door: Door) -> Callable[[], Awaitable[list[Heard]]]:
        shape = self.shape
        return lambda: asking.kept_up(door, shape.calls, shape.total_s, shape.kept_s)

    async def _calls(self, name: str, act: Callable[[], Awaitable[list[Heard]]]) -> Row:
        heard: list[Heard] = []

        async def work() -> None:
            heard.extend(await act())

        row = await self._beside(name, work)
        firsts = [one.first_ms for one in heard]
        row |= {"calls": len(heard), "failed": sum(not one.ok for one in heard)}
        row |= {"first_p50_ms": percentile(firsts, 0.5), "first_p95_ms": percentile(firsts, 0.95)}
        totals = [one.total_ms for one in heard]
        row |= {"total_p50_ms": percentile(totals, 0.5), "total_p95_ms": percentile(totals, 0.95)}
        return self._each(row)

    async def _chats(self, name: str, act: Callable[[], Awaitable[list[float]]]) -> Row:
        took: list[float] = []

        async def work() -> None:
            took.extend(await act())

        row = await self._beside(name, work) | {"calls": len(took), "failed": 0}
        row |= {"total_p50_ms": percentile(took, 0.5), "total_p95_ms": percentile(took, 0.95)}
        return self._each(row)

    def _each(self, row: Row) -> Row:
        """With the CPU of a call: what is left when the pings have had theirs."""
        own = row["cpu_s"] - row["pings"] * self.ping_cpu_s
        return {**row, "cpu_ms_each": 1000 * max(0.0, own) / max(1.0, row["calls"])}

    async def _beside(self, name: str, act: Callable[[], Awaitable[None]]) -> Row:
        """Do it while somebody pings; memory is of its middle, CPU that of all of us."""
        await settle(self.home.pids)
        load(self.past.port)
        cost = Cost(self.home)
        async with self.chats.pinging(self.shape.pings) as pings:
            looking = asyncio.create_task(self._look(name))
            await act()
            await looking
        await settle(self.home.pids)
        row = {"ping_p50_ms": percentile(pings, 0.5), "ping_p95_ms": percentile(pings, 0.95)}
        row |= {"ping_p99_ms": percentile(pings, 0.99), "pings": len(pings)}
        row["cpu_s"] = cost.spent(1)["cpu_ms"] / 1000
        return {**row, "at_once": load(self.past.port)["most"]}

    async def _look(self, name: str) -> None:
        await asyncio.sleep(self.shape.total_s * 0.6)
        self.peaks[name] = await asyncio.to_thread(places.sizes, self.home)


def load(port: int) -> dict[str, int]:
    """What the model's server has seen, and begin its count of calls at once anew."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/load", timeout=10) as answer:
        found: dict[str, int] = json.load(answer)
        return found
