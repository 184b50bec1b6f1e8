"""The figures as tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Row = Mapping[str, float]
COLUMNS = {
    "calls": "calls",
    "failed": "failed",
    "at_once": "most at once",
    "first_p50_ms": "first word p50 ms",
    "first_p95_ms": "p95",
    "total_p50_ms": "whole p50 ms",
    "total_p95_ms": "p95",
    "cpu_ms_each": "our CPU ms each",
    "ping_p50_ms": "/ping p50 ms",
    "ping_p95_ms": "p95",
    "ping_p99_ms": "p99",
}


def text(result: Mapping[str, Any]) -> str:
    """All of it."""
    rows, memory = result["rows"], result["memory"]
    parts = [table(rows), "", *overheads(rows, result["shape"]), "", sizes(memory)]
    machine = result["machine"]
    load = machine["load_before"][0]
    return "\n".join([*parts, "", f"{machine['date']}, {machine['commit']}, load before {load}"])


def table(rows: Mapping[str, Row]) -> str:
    """One line for each part of the run."""
    lines = [["", *COLUMNS.values()], ["---"] * (len(COLUMNS) + 1)]
    lines += [[name, *(_shown(row.get(one)) for one in COLUMNS)] for name, row in rows.items()]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def overheads(rows: Mapping[str, Row], shape: Mapping[str, float]) -> list[str]:
    """What we add: to the first word beside the same calls past us, to a chat beside the model."""
    found = []
    for how in ("at once", "kept up"):
        past, through = rows[f"past, {how}"], rows[f"through, {how}"]
        for share in ("p50", "p95"):
            name = f"first_{share}_ms"
            more, times = through[name] - past[name], through[name] / past[name]
            found.append(f"first word, {how}, {share}: {more:+.0f} ms, times {times:.2f}")
        chat = rows[f"chats, {how}"]
        for share in ("p50", "p95"):
            more = chat[f"total_{share}_ms"] - 1000 * shape["total_s"]
            found.append(f"a chat's answer, {how}, {share}: {more:+.0f} ms over the model's own")
        for who in ("through", "chats"):
            slower = rows[f"{who}, {how}"]["ping_p50_ms"] / past["ping_p50_ms"]
            found.append(f"/ping beside {who}, {how}, p50: times {slower:.2f}")
    return found


def sizes(memory: Mapping[str, Mapping[str, Row]]) -> str:
    """PSS, RSS and threads of each part, before and in the middle of each measurement."""
    names = list(memory["before"])
    lines = [["MiB PSS / RSS, threads", *names], ["---"] * (len(names) + 1)]
    lines += [[when, *(_size(of.get(name)) for name in names)] for when, of in memory.items()]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _size(one: Row | None) -> str:
    return f"{one['pss']:.0f} / {one['rss']:.0f}, {one['threads']:.0f}" if one else ""


def _shown(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.0f}" if value >= 100 or value == int(value) else f"{value:.1f}"
