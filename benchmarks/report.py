"""A result as Markdown tables, in either language."""

from __future__ import annotations

from typing import Any

from benchmarks import names
from benchmarks.measure import Row

MACHINE = {
    "en": "{date}, commit {commit}: {cores} cores, {memory_gib} GiB, {system}, Python {python}; "
    "{versions}. Load average of the minute before each part: {load}.",
    "zh": "{date}，提交 {commit}：{cores} 核，{memory_gib} GiB，{system}，Python {python}；"
    "{versions}。各部分之前一分钟的平均负载：{load}。",
}


def machine(result: dict[str, Any], language: str) -> str:
    """One line about where and when, and how busy it was there."""
    facts = result["machine"]
    load = ", ".join(f"{part} {at['load_before'][0]}" for part, at in result["parts"].items())
    versions = ", ".join(f"{name} {number}" for name, number in facts["versions"].items())
    return MACHINE[language].format(**{**facts, "load": load, "versions": versions})


def with_bare(rows: dict[str, Row]) -> dict[str, Row]:
    """The rows, each with its CPU (the database's included) as a multiple of the bare handler's."""
    bare = rows.get("bare", {}).get("cpu_ms")
    if not bare:
        return rows
    return {
        name: {
            **row,
            "times_bare": (row["cpu_ms"] + row.get("database_cpu_ms", 0)) / bare,
        }
        for name, row in rows.items()
    }


def number(value: float | None) -> str:
    """Three digits that count, at least; nothing for what was not measured."""
    if value is None:
        return ""
    if value == int(value) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 100 else f"{value:.2f}"


def table(figure: str, rows: dict[str, Row], language: str) -> list[str]:
    """The lines of one figure."""
    rows = with_bare(rows)
    columns = [column for column in names.COLUMNS if any(column in row for row in rows.values())]
    heads = [names.say(names.COLUMNS, column, language) for column in columns]
    lines = [f"**{names.say(names.FIGURES, figure, language)}**", ""]
    lines += [f"| | {' | '.join(heads)} |", "|---" * (len(columns) + 1) + "|"]
    for name, row in rows.items():
        cells = [number(row.get(column)) for column in columns]
        lines.append(f"| {names.system(name, language)} | {' | '.join(cells)} |")
    return [*lines, ""]


def tables(result: dict[str, Any], language: str) -> str:
    """Where and when, then all tables in the order of their names' list."""
    lines = [machine(result, language), ""]
    for figure in names.FIGURES:
        if figure in result["figures"]:
            lines += table(figure, result["figures"][figure], language)
    return "\n".join(lines).rstrip() + "\n"
