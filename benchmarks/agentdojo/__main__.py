"""`python -m benchmarks.agentdojo`: in a database that is made for it and thrown away."""

from __future__ import annotations

import argparse
import os
import time

os.environ["DJANGO_SETTINGS_MODULE"] = "clawdbot.settings.test"


def main() -> None:
    """Run the suites that were asked for and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--suite", action="append", help="one of the four; all by default")
    parser.add_argument("--pairs", type=int, help="so many of each suite, spread over it")
    parser.add_argument("--verbose", action="store_true", help="what the log says, too")
    given = parser.parse_args()
    import django

    django.setup()
    from tests.support import network

    network.guard()
    if not given.verbose:
        import logging

        logging.disable(logging.CRITICAL)
    _run(given.suite, given.pairs)


def _run(names: list[str] | None, most: int | None) -> None:
    from django.test.utils import setup_databases, teardown_databases

    from benchmarks.agentdojo import report, run

    results, began = [], time.monotonic()
    for name in names or run.SUITES:
        made = setup_databases(verbosity=0, interactive=False)
        try:
            with run.prepared(name) as suite:
                results.append(suite.run(most))
        finally:
            teardown_databases(made, verbosity=0)
        took = time.monotonic() - began
        print(f"{name}: {len(results[-1].pairs)} pairs, {took:.0f} s", flush=True)
        print(report.notes(results[-1:]), flush=True)
    for language in report.HEADS:
        print(f"\n{report.table(results, language)}")


if __name__ == "__main__":
    main()
