"""Measure many model calls at once, on a machine that does little else meanwhile.

    python -m benchmarks.models [--calls 200] [--seconds 3] [--database sqlite|postgres] [--json]

Calls go past us to the model's server and through the gateway in the same run, so that what they
have in common (this machine, its load, the caller) is in both. Then the same as questions in
chats, which become jobs. A steady `/ping` beside each of them shows who is slowed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import asdict
from typing import Any

from benchmarks import fleet, machine
from benchmarks.loop import run
from benchmarks.models import places, report
from benchmarks.models.asking import Door, at_once
from benchmarks.models.chatting import Chats
from benchmarks.models.patience import Patience
from benchmarks.models.rounds import Bench
from benchmarks.models.server import ALIAS, MODEL
from benchmarks.models.shape import Shape
from benchmarks.wire import Sink

WARM = 8


@asynccontextmanager
async def bench(name: str, shape: Shape) -> AsyncIterator[Bench]:
    """Everything started, warm and idle; ended whatever happens."""
    with ExitStack() as cleanup:
        sink = Sink()
        await sink.start()
        cleanup.callback(sink.close)
        server = Patience(shape)
        cleanup.callback(server.remove)
        cleanup.callback(server.stop)
        await asyncio.to_thread(server.start)
        home = fleet.installation(name, cleanup)
        await fleet.begin(home, sink, cleanup)
        token = await asyncio.to_thread(home.inside, "model", base_url=server.address)
        there = "is there a worker that waits for models"
        await asyncio.to_thread(home.wait, lambda: bool(places.pid(home, "worker-model")), there)
        await fleet.warm(home, sink)
        doors = Door(server.port, MODEL, "none"), Door(home.port, ALIAS, token)
        found = Bench(home, Chats(home.target, sink), *doors, shape)
        await at_once(found.through, WARM)
        await found.chats.ask_at_once(WARM)
        yield found


async def measure(name: str, shape: Shape) -> dict[str, Any]:
    """All figures, with what they were measured on."""
    async with bench(name, shape) as ready:
        before = await asyncio.to_thread(places.sizes, ready.home)
        facts = machine.facts()
        rows = await ready.all()
        memory = {"before": before, **ready.peaks}
    shown = {when: {who: asdict(one) for who, one in of.items()} for when, of in memory.items()}
    return {"machine": facts, "shape": asdict(shape), "rows": rows, "memory": shown}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--calls", type=int, default=Shape.calls)
    parser.add_argument("--seconds", type=float, default=Shape.total_s)
    parser.add_argument("--first", type=float, default=Shape.first_s)
    parser.add_argument("--kept", type=float, default=Shape.kept_s)
    parser.add_argument("--database", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    shape = Shape(asked.calls, asked.first, asked.seconds, kept_s=asked.kept)
    result = run(measure(f"clawdbot-{asked.database}", shape))
    print(json.dumps(result, indent=1) if asked.json else report.text(result))
    sys.exit(1 if any(row.get("failed") for row in result["rows"].values()) else 0)


if __name__ == "__main__":
    main()
