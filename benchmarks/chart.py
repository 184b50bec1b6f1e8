"""A result as one picture: bars in SVG, written by hand so that nothing has to be installed."""

from __future__ import annotations

from html import escape
from typing import Any

from benchmarks import names
from benchmarks.measure import Row

PANELS = (
    ("ping_64", "cpu_ms", "CPU ms per /ping, 64 chats · 每条 /ping 的 CPU 毫秒"),
    ("ping_64", "per_s", "/ping per second, 64 chats · 每秒 /ping（64 个会话）"),
    ("acks", "cpu_ms", "CPU ms per acknowledgement · 每次确认的 CPU 毫秒"),
    ("memory", "idle_mib", "Idle memory, MiB · 空闲内存"),
    ("start", "first_answer_s", "Start to first answer, s · 启动到第一个回答（秒）"),
)
WIDTH, LABEL, BAR, LINE, HEAD = 760, 190, 470, 22, 34
OURS, THEIRS = "#2563eb", "#9ca3af"


def panel(title: str, bars: list[tuple[str, float]], top: int) -> list[str]:
    """One group of bars, from `top` downwards."""
    longest = max(value for _, value in bars) or 1
    parts = [f'<text x="12" y="{top + 20}" font-weight="bold">{escape(title)}</text>']
    for place, (name, value) in enumerate(bars):
        y = top + HEAD + place * LINE
        colour = OURS if name.startswith("clawdbot") else THEIRS
        length = max(1, round(BAR * value / longest))
        said = names.say(names.SYSTEMS, name, "en").replace("*", "")
        parts += [
            f'<text x="{LABEL - 8}" y="{y + 13}" text-anchor="end">{escape(said)}</text>',
            f'<rect x="{LABEL}" y="{y}" width="{length}" height="{LINE - 6}" fill="{colour}"/>',
            f'<text x="{LABEL + length + 6}" y="{y + 13}">{value:,.6g}</text>',
        ]
    return parts


def values(rows: dict[str, Row], column: str) -> list[tuple[str, float]]:
    """Name and value of each row that has this column; a database's CPU is part of the CPU."""
    more = "database_cpu_ms" if column == "cpu_ms" else ""
    return [
        (name, round(row[column] + row.get(more, 0), 2))
        for name, row in rows.items()
        if column in row
    ]


def svg(result: dict[str, Any]) -> str:
    """The picture."""
    parts: list[str] = []
    top = 6
    for figure, column, title in PANELS:
        bars = values(result["figures"].get(figure, {}), column)
        if bars:
            parts += panel(title, bars, top)
            top += HEAD + LINE * len(bars) + 8
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {top}" width="{WIDTH}" '
        f'height="{top}" font-family="sans-serif" font-size="13" fill="#111827">'
    )
    paper = f'<rect width="{WIDTH}" height="{top}" fill="#ffffff"/>'
    return "\n".join([head, paper, *parts, "</svg>"]) + "\n"
