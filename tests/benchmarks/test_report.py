"""Tables, pages and picture from a result."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from typing import Any

import pytest

from benchmarks import chart, names, publish, report

RESULT: dict[str, Any] = {
    "machine": {
        "date": "2026-01-02 03:04 UTC", "commit": "abc1234", "cores": 2, "memory_gib": 8,
        "system": "Linux", "python": "3.11.7",
        "versions": {"Django": "5.2"},
    },
    "parts": {"ping": {"load_before": [0.5, 0.25, 0.1]}},
    "figures": {
        "growth_people": {
            "clawdbot-sqlite": {"cpu_ms": 2.0, "per_s": 1234.5},
            "clawdbot-sqlite, 100,000 people": {"cpu_ms": 3.0, "per_s": 800.0},
            "clawdbot-sqlite, ratio": {"cpu_ms": 1.5},
        },
        "ping_64": {
            "bare": {"cpu_ms": 0.5, "per_s": 2000.0, "messages": 10},
            "clawdbot-postgres": {"cpu_ms": 1.0, "database_cpu_ms": 0.25, "per_s": 900.25},
        },
    },
}  # fmt: skip


def test_a_table_has_the_columns_that_were_measured_and_leaves_the_rest_empty() -> None:
    lines = report.table("ping_64", RESULT["figures"]["ping_64"], "en")
    assert lines[2] == ("| | per second | CPU ms each | database CPU ms | CPU, times bare |")
    assert lines[4] == "| bare handler | 2,000 | 0.50 |  | 1 |"
    assert lines[5] == "| **ClawdBot**, PostgreSQL | 900.2 | 1 | 0.25 | 2.50 |"


def test_rows_are_named_in_both_languages() -> None:
    assert names.system("clawdbot-sqlite, 100,000 people", "zh") == (
        "**ClawdBot**，SQLite，100,000 人"
    )
    assert names.system("clawdbot-sqlite, ratio at 20,000", "en") == (
        "**ClawdBot**, SQLite, times at 20,000"
    )
    assert names.system("bare", "en") == "bare handler"


def test_figures_come_in_the_order_of_their_names() -> None:
    text = report.tables(RESULT, "en")
    assert text.index("64 chats") < text.index("many people")
    assert "abc1234" in text
    assert "ping 0.5" in text


def test_both_languages_have_the_same_numbers() -> None:
    def cells(language: str) -> list[list[str]]:
        lines = report.tables(RESULT, language).splitlines()
        return [line.split("|")[2:] for line in lines if line.startswith("| ") and "." in line]

    assert cells("en") == cells("zh")


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, ""),
        (0.0, "0"),
        (0.126, "0.13"),
        (12.3456, "12.35"),
        (123.45, "123.5"),
        (5e6, "5,000,000"),
    ],
)
def test_numbers(value: float | None, said: str) -> None:
    assert report.number(value) == said


def test_a_page_gets_its_tables_between_the_markers_and_again() -> None:
    page = f"before\n{publish.BEGIN}old\n{publish.END}after\n"
    once = publish.put(page, "new")
    assert once.startswith(f"before\n{publish.BEGIN}")
    assert once.endswith(f"{publish.END}after\n")
    assert "old" not in once
    assert publish.put(once, "new") == once


def test_a_page_without_markers_is_refused() -> None:
    with pytest.raises(ValueError, match="markers"):
        publish.put("nothing here", "new")


@pytest.mark.parametrize("language", names.LANGUAGES)
def test_the_pages_show_the_published_result(language: str) -> None:
    result = json.loads(publish.path("published").read_text())
    page = publish.PAGES[language].read_text()
    assert publish.put(page, report.tables(result, language)) == page
    assert publish.PICTURE.read_text() == chart.svg(result)


def test_the_longest_bar_is_the_largest_value() -> None:
    root = ET.fromstring(chart.svg(RESULT))  # noqa: S314 - written by us
    bars = [e for e in root.iter("{http://www.w3.org/2000/svg}rect") if e.get("x")]
    widths = [int(bar.get("width", "0")) for bar in bars]
    assert widths == [
        chart.BAR * 0.5 / 1.25,
        chart.BAR,
        chart.BAR,
        round(chart.BAR * 900.25 / 2000),
    ]
