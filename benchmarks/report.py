"""A result as Markdown tables, in both languages."""

from __future__ import annotations

from typing import Any

COLUMNS = ("per_s", "cpu_ms", "database_cpu_ms", "p50_ms", "p99_ms", "twice")


def tables(result: dict[str, Any], language: str) -> str:
    """All tables."""
    lines = []
    for figure, rows in result["figures"].items():
        lines += ["", f"**{figure}**", "", "| | " + " | ".join(COLUMNS) + " |"]
        lines.append("|---" * (len(COLUMNS) + 1) + "|")
        for name, row in rows.items():
            cells = [str(row.get(column, "")) for column in COLUMNS]
            lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)
