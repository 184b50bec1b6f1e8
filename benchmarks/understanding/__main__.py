"""Measure how well commands are understood, and with which model.

    python -m benchmarks.understanding                         # the rules alone, no model
    python -m benchmarks.understanding --model ALIAS           # a model of this installation
    python -m benchmarks.understanding --base-url http://127.0.0.1:8080/v1 --model-id NAME
    python -m benchmarks.understanding … --acebench FOLDER     # a clone of ACEBench instead

Nothing that is understood is run. The key may stand in BENCHMARK_API_KEY, where no list of
processes shows it.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from apps.core.errors import ClawdbotError
from benchmarks.understanding.house import Model, house


def options(given: Sequence[str] | None = None) -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.understanding", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--model", default="", metavar="ALIAS", help="of this installation")
    parser.add_argument("--base-url", default="", metavar="URL")
    parser.add_argument("--model-id", default="", metavar="NAME", help="as its server calls it")
    parser.add_argument("--api-key", default=os.environ.get("BENCHMARK_API_KEY", ""), metavar="KEY")
    parser.add_argument("--provider", default="", help="where the address does not tell")
    parser.add_argument("--zone", default="", choices=["", "internal", "mainland", "abroad"])
    parser.add_argument("--seconds", type=float, default=45.0, help="that a row may take")
    parser.add_argument("--rows", type=int, default=0, metavar="N", help="only so many, spread")
    parser.add_argument("--acebench", type=Path, metavar="FOLDER")
    parser.add_argument("--details", action="store_true", help="each row that is not right")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args(given)
    if bool(asked.base_url) != bool(asked.model_id) or (asked.model and asked.base_url):
        parser.error("give --model, or --base-url with --model-id, or none of them")
    if asked.acebench and not (asked.model or asked.base_url):
        parser.error("--acebench needs a model")
    return asked


def main() -> None:
    """Measure and print; exit 1 when something that writes would have run on a guess."""
    asked = options()
    model = Model(
        asked.model, asked.base_url, asked.model_id, asked.api_key, asked.provider, asked.zone
    )
    try:
        with house(model) as alias:
            from benchmarks.understanding import runs

            run = runs.acebench if asked.acebench else runs.commands
            report = run(asked, alias)
    except ClawdbotError as error:
        sys.exit(f"{error.text('zh-hans')}\n{error.text('en')}")
    found = report.to_json()
    print(json.dumps(found, ensure_ascii=False, indent=1) if asked.json else report.text)
    sys.exit(0 if report.safe else 1)


if __name__ == "__main__":
    main()
