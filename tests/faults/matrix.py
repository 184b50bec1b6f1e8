"""Runs the matrix: `python -m tests.faults.matrix [--cases F1,F3] [--setups redis] …`."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import NoReturn

from tests.faults import cases, report
from tests.faults.case import CASES, CannotRun, Case, in_order
from tests.faults.run import Outcome, Run, told
from tests.faults.site import SETUPS, Site

assert cases  # declares them

STRICT = os.environ.get("CI", "").lower() in {"1", "true"}


def run_setup(setup: str, wanted: list[Case]) -> Iterator[Outcome]:
    """Every case on one installation; a case that fails is followed by a fresh one."""
    left = [case for case in wanted if setup in case.setups]
    while left:
        with Site(setup) as site:
            while left:
                outcome = run_case(site, left.pop(0))
                yield outcome
                if outcome.verdict == "failed":
                    break


def run_case(site: Site, case: Case) -> Outcome:
    """One case; an error of its own is a failure too."""
    tag = f"{case.name.lower()}{int(time.time()) % 100000}"
    try:
        return Run(site, case, tag).do()
    except CannotRun as missing:
        return Outcome(case.name, site.setup, verdict=f"not run: {missing}")
    except Exception:  # noqa: BLE001 - the matrix goes on, the table tells
        broken = [f"error: {traceback.format_exc()[-3000:]}"]
        return Outcome(case.name, site.setup, verdict="failed", breaches=broken)


def _end(number: int, frame: FrameType | None) -> NoReturn:
    sys.exit(128 + number)


def chosen(names: str) -> list[Case]:
    """The cases of these names; all when there are none."""
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    return [CASES[name] for name in wanted] if wanted else in_order()


def main() -> int:
    """Run, print a line for each, write the table when asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", default="")
    parser.add_argument("--setups", default=",".join(SETUPS))
    parser.add_argument("--json", type=Path, default=None)
    parser.add_argument("--write", action="store_true", help="write the table into docs/")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, _end)  # servers and small disks are put away then too
    outcomes = []
    for setup in (options.setups or ",".join(SETUPS)).split(","):
        for outcome in run_setup(setup, chosen(options.cases)):
            outcomes.append(outcome)
            print(time.strftime("%H:%M:%S"), told(outcome)[:2500], flush=True)
            if options.json:
                rows = [one.row() for one in outcomes]
                options.json.write_text(json.dumps(rows, ensure_ascii=False, indent=1) + "\n")
    if options.write:
        report.write([one.row() for one in outcomes])
    bad = [o for o in outcomes if o.verdict == "failed" or (STRICT and o.verdict != "passed")]
    print(f"{len(outcomes) - len(bad)} of {len(outcomes)} as they should be")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
