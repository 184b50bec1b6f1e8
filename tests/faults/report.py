"""The table of the matrix, from its results, put between two marks in both documents."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.faults.case import in_order
from tests.faults.site import EMBEDDED, RABBIT, REDIS, SETUPS

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "docs" / "reliability.json"
DOCUMENTS = {"en": ROOT / "docs" / "reliability.md", "zh": ROOT / "docs" / "reliability.zh-CN.md"}
BEGIN, END = "<!-- table: begin -->", "<!-- table: end -->"
NAMES = {
    "en": {
        EMBEDDED: "SQLite + Valkey",
        REDIS: "PostgreSQL + Redis",
        RABBIT: "PostgreSQL + RabbitMQ",
    },
    "zh": {
        EMBEDDED: "SQLite + Valkey",
        REDIS: "PostgreSQL + Redis",
        RABBIT: "PostgreSQL + RabbitMQ",
    },
}
WORDS = {
    "en": {
        "case": "case", "fault": "fault", "total": "all", "absent": "does not apply",
        "failed": "**failed**", "missing": "not run",
        "cell": "{accepted} / {lost} / {twice}, {recovery_s} s",
        "sum": "{runs} runs, {passed} passed; {accepted} messages accepted, {lost} lost, {twice} "
        "answered or done twice. {bound}",
        "bound": "With none seen in so many, at most {most} in 10,000 are lost, and as many "
        "done twice, with 95 % confidence (rule of three).",
        "where": "Run on {date}, {cores} cores, {system}, Python {python}.",
        "not_yet": "Not yet run:",
    },
    "zh": {
        "case": "编号", "fault": "故障", "total": "合计", "absent": "不适用",
        "failed": "**未通过**", "missing": "未运行",
        "cell": "{accepted} / {lost} / {twice}，{recovery_s} 秒",
        "sum": "共运行 {runs} 次，通过 {passed} 次；受理 {accepted} 条消息，丢失 {lost} 条，"
        "重复回复或重复执行 {twice} 条。{bound}",
        "bound": "在这么多条中一次也未发生，按三分法则，在 95 % 置信度下每 1 万条至多丢失 "
        "{most} 条，重复亦然。",
        "where": "运行于 {date}，{cores} 核，{system}，Python {python}。",
        "not_yet": "尚未运行：",
    },
}  # fmt: skip
NOT_YET = {
    "F13": (
        "a model that times out, breaks, answers garbage: there are no models yet",
        "模型超时、出错、返回乱码：尚无模型",
    ),
    "F14": ("a model that calls tools for ever: there are no models yet",
            "模型无限调用工具：尚无模型"),
    "F19 (old and new code)": (
        "a rolling upgrade with a migration: upgrades are not built yet; the restart half is run",
        "带迁移的滚动升级：升级尚未实现；重启部分已运行",
    ),
    "F24": ("keys rotated under load: the rotation command is not built yet",
            "带负载轮换密钥：轮换命令尚未实现"),
}  # fmt: skip
Row = dict[str, Any]


def merge(rows: Sequence[Row]) -> list[Row]:
    """These results and, for what was not run now, the stored ones; stores them."""
    stored = json.loads(RESULTS.read_text())["rows"] if RESULTS.exists() else []
    found = {(row["case"], row["setup"]): row for row in [*stored, *rows]}
    ordered = [found[k] for k in ((c.name, s) for c in in_order() for s in SETUPS) if k in found]
    about = {
        "date": time.strftime("%Y-%m-%d"), "cores": os.cpu_count(),
        "system": platform.freedesktop_os_release().get("PRETTY_NAME", platform.system()),
        "python": platform.python_version(),
    }  # fmt: skip
    text = json.dumps({"about": about, "rows": ordered}, ensure_ascii=False, indent=1)
    RESULTS.write_text(text + "\n")
    return ordered


def write(rows: Sequence[Row]) -> None:
    """Store these results and write the tables."""
    merge(rows)
    for language, path in DOCUMENTS.items():
        path.write_text(replaced(path.read_text(), table(language)))


def replaced(text: str, found: str) -> str:
    """A document with another table."""
    before, rest = text.split(BEGIN)
    return f"{before}{BEGIN}\n{found}\n{END}{rest.split(END)[1]}"


def table(language: str) -> str:
    """Everything between the marks, from the stored results."""
    stored = json.loads(RESULTS.read_text())
    rows: list[Row] = stored["rows"]
    words, names = WORDS[language], NAMES[language]
    lines = [
        f"| {words['case']} | {words['fault']} | " + " | ".join(names[s] for s in SETUPS) + " |",
        "|---|---|" + "---|" * len(SETUPS),
    ]
    found = {(row["case"], row["setup"]): row for row in rows}
    for case in in_order():
        name = case.name
        title = case.title if language == "en" else case.title_zh
        cells = [_cell(found.get((name, s)), s in case.setups, words) for s in SETUPS]
        lines.append(f"| {name} | {title} | " + " | ".join(cells) + " |")
    lines += ["", _sum(rows, words), "", words["where"].format(**stored["about"])]
    lines += ["", words["not_yet"], ""]
    lines += [f"* {name}: {why[language == 'zh']}" for name, why in NOT_YET.items()]
    return "\n".join(lines)


def _cell(row: Row | None, applies: bool, words: dict[str, str]) -> str:
    if not applies:
        return words["absent"]
    if row is None or row["verdict"].startswith("not run"):
        return words["missing"]
    cell = words["cell"].format(**row)
    return cell if row["verdict"] == "passed" else f"{words['failed']} {cell}"


def _sum(rows: Sequence[Row], words: dict[str, str]) -> str:
    run = [row for row in rows if not row["verdict"].startswith("not run")]
    sums = {key: sum(row[key] for row in run) for key in ("accepted", "lost", "twice")}
    none_seen = sums["accepted"] and not sums["lost"] and not sums["twice"]
    bound = ""
    if none_seen:
        bound = words["bound"].format(most=f"{30000 / sums['accepted']:.2g}")
    passed = sum(row["verdict"] == "passed" for row in run)
    return words["sum"].format(
        runs=len(run), passed=passed, bound=bound,
        **{key: f"{value:,}" for key, value in sums.items()},
    ).strip()  # fmt: skip
