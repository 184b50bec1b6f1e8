"""Measure ClawdBot beside its peers in one run and write the result as JSON.

    python -m benchmarks.run [--figures ping,acks] [--peers bare] [--database sqlite|postgres|both]

Figures are comparable within one run only. CPU is that of the whole process tree (embedded Valkey
included); the load generator's own is not counted, a database server's stands in its own column.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from benchmarks import fleet, machine, publish, report
from benchmarks.figures import alone, backlog, growth, serving
from benchmarks.loop import run
from benchmarks.size import Size

Part = Callable[[Sequence[str], Size], Awaitable[dict[str, Any]]]
PARTS: dict[str, Part] = {
    "acks": serving.taking,
    "ping": serving.pings,
    "jobs": serving.running,
    "whole": serving.whole,
    "alone": alone.measure,
    "growth": growth.measure,
    "backlog": backlog.measure,
    "schedules": growth.schedules,
}
DATABASES = {
    "sqlite": ("clawdbot-sqlite",),
    "postgres": ("clawdbot-postgres",),
    "both": fleet.OURS,
}


async def measure(parts: Sequence[str], names: Sequence[str], size: Size) -> dict[str, Any]:
    """The result of a run."""
    result: dict[str, Any] = {"machine": machine.facts(), "figures": {}, "parts": {}}
    for part in parts:
        began, facts = time.monotonic(), machine.moment()
        result["figures"] |= await PARTS[part](names, size)
        seconds = round(time.monotonic() - began, 1)
        size_of = {"messages": size.messages, "rounds": size.rounds}
        result["parts"][part] = {**facts, "seconds": seconds, **size_of}
        print(f"{part}: {seconds} s", flush=True)
    return result


def chosen(text: str, known: Sequence[str]) -> list[str]:
    """The names of a comma-separated list, all of them known."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    wrong = [name for name in names if name not in known]
    if wrong:
        raise argparse.ArgumentTypeError(f"{', '.join(wrong)}: choose from {', '.join(known)}")
    return names


def options() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    known = list(PARTS)
    parser.add_argument("--figures", type=lambda text: chosen(text, known), default=known)
    peers = list(fleet.PEERS)
    parser.add_argument("--peers", type=lambda text: chosen(text, peers), default=peers)
    parser.add_argument("--database", choices=DATABASES, default="both")
    parser.add_argument("--messages", type=int, default=Size.messages)
    parser.add_argument("--rounds", type=int, default=Size.rounds)
    parser.add_argument("--full", action="store_true", help="growth to 1,000,000 rows; an hour")
    parser.add_argument("--name", default="latest", help="results/NAME.json is written")
    parser.add_argument("--add", action="store_true", help="keep the other figures of that file")
    return parser.parse_args()


def main() -> None:
    """Run, write, print."""
    asked = options()
    names = [*asked.peers, *DATABASES[asked.database]]
    size = Size(asked.messages, asked.rounds, asked.full)
    result = run(measure(asked.figures, names, size))
    file = publish.path(asked.name)
    if asked.add and file.exists():
        former = json.loads(file.read_text())
        result = {**result, **{k: former.get(k, {}) | result[k] for k in ("figures", "parts")}}
    file.write_text(json.dumps(result, indent=1) + "\n")
    print(report.tables(result, "en"))


if __name__ == "__main__":
    main()
