"""Write a result into the documents: `python -m benchmarks.publish [NAME]`.

Tables go between two markers, in both languages; the picture lies beside them: nobody types
figures.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from benchmarks import chart, report
from benchmarks.system import ROOT

RESULTS = ROOT / "benchmarks" / "results"
PICTURE = ROOT / "docs" / "images" / "performance.svg"
PAGES = {"en": ROOT / "docs" / "performance.md", "zh": ROOT / "docs" / "performance.zh-CN.md"}
BEGIN, END = "<!-- figures: begin -->\n", "<!-- figures: end -->\n"


def path(name: str) -> Path:
    """The file of a result."""
    return RESULTS / f"{name}.json"


def put(page: str, tables: str) -> str:
    """The page with these tables between its markers; ValueError when it has none."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError("the page has no markers for the figures")
    return f"{before}{begin}\n{tables}\n{end}{after}"


def main() -> None:
    """Both pages and the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", nargs="?", default="published")
    result = json.loads(path(parser.parse_args().name).read_text())
    for language, page in PAGES.items():
        page.write_text(put(page.read_text(), report.tables(result, language)))
    PICTURE.write_text(chart.svg(result))


if __name__ == "__main__":
    main()
