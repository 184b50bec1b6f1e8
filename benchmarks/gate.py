"""Did anything become slower? `python -m benchmarks.gate`, about two minutes.

Measures a few figures against the bare handler, in turns, and compares the ratios with those that
were accepted (benchmarks/baseline.json). Ratios of CPU hardly depend on what else the machine does,
and the best round counts; what still looks worse is measured again, twice at most, before it fails.
`--accept` measures three times and makes the weakest of each ratio the new baseline, so that later
runs are not held to a lucky moment.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks import fleet, machine
from benchmarks.figures import acks, ping
from benchmarks.judge import GAUGES, Samples, ratios, weakest, worse
from benchmarks.loop import run
from benchmarks.measure import Measure, rounds
from benchmarks.system import System
from benchmarks.wire import Sink

BASELINE = Path(__file__).parent / "baseline.json"
ROUNDS, TRIES = 3, 3


def measures(sink: Sink) -> dict[str, Measure]:
    """The loads of the gate, by figure."""
    return {
        "ping_64": ping.asking(sink, 64, 1280),
        "ping_8": ping.asking(sink, 8, 480),
        "acks": acks.alone(4000),
    }


async def sample(
    figures: Sequence[str], whole: list[System], taking: list[System], sink: Sink, found: Samples
) -> None:
    """Some rounds more of these figures."""
    for figure in figures:
        systems = taking if figure == "acks" else whole
        rows = await rounds(systems, measures(sink)[figure], ROUNDS)
        kept = found.setdefault(figure, {"ours": [], "bare": []})
        for name, more in rows.items():
            kept["bare" if name == "bare" else "ours"] += more


async def measure(accepted: dict[str, float]) -> dict[str, float]:
    """The ratios of now; a figure that looks worse than accepted is measured up to three times."""
    found: Samples = {}
    names = ("bare", "clawdbot-sqlite")
    async with fleet.serving(names) as (whole, sink), fleet.taking(names) as taking:
        again: Sequence[str] = list(measures(sink))
        for left in reversed(range(TRIES)):
            await sample(again, whole, taking, sink, found)
            again = sorted({GAUGES[name].figure for name in worse(ratios(found), accepted)})
            if not (again and left):
                break
            print(f"again: {', '.join(again)}", flush=True)
    return ratios(found)


def main() -> None:
    """Exit 1 when a ratio fell back by more than a fifth."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accept", action="store_true", help="write a new baseline")
    accept = parser.parse_args().accept
    accepted = {} if accept else json.loads(BASELINE.read_text())["ratios"]
    now = weakest([run(measure(accepted)) for _ in range(TRIES if accept else 1)])
    for name, value in now.items():
        before = f" (accepted {accepted[name]})" if name in accepted else ""
        print(f"{name}: {value:.3f}{before}")
    if accept:
        kept = {"machine": machine.facts(), "ratios": {k: round(v, 3) for k, v in now.items()}}
        BASELINE.write_text(json.dumps(kept, indent=1) + "\n")
    elif failed := worse(now, accepted):
        print(f"Slower than accepted by more than a fifth: {', '.join(failed)}")
        sys.exit(1)


if __name__ == "__main__":
    main()
