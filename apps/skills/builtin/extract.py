"""Skill: a table out of a text."""

from __future__ import annotations

from typing import Annotated, Any

from apps.im.cards import Table
from apps.skills import ai_label, material, sheets
from apps.skills.base import Attachment, CannotDo, Context, Param, Reply, both, skill
from apps.skills.ports import Written

TITLE = both("表格：{count} 行", "Table: {count} rows")
TASK = both(
    "从材料中逐条提取这些列：{columns}。只用材料里的内容，缺少的留空。",
    "Extract these columns from the material, an entry a row: {columns}. Use only what is in it; "
    "leave empty what is missing.",
)
NONE = both("材料里没有可以列成表的内容。", "There is nothing in it that would make a table.")
COLUMNS = both("要哪些列？例如：姓名,电话", "Which columns? For instance: name,phone")
TOO_MANY = both("最多 {most} 列。", "At most {most} columns.")
MOST_COLUMNS = 12
MOST_ROWS = 200
SHOWN = 20


@skill(
    zh="提取",
    aliases=["提取表格", "table"],
    summary=both("从文字或文件里提取表格。", "Make a table out of a text or a file."),
    examples=[both("/提取 姓名,电话 张三 …", "/extract name,phone Bob …")],
    lane="model",
    timeout=300,
    writes=False,
    outside=True,
)
def extract(
    ctx: Context,
    columns: Annotated[str, Param(label=both("列", "columns"), ask=COLUMNS)],
    file: Annotated[Attachment | None, Param(label=both("文件", "file"))] = None,
    text: Annotated[str, Param(label=both("文字", "text"), rest=True)] = "",
) -> Reply:
    """Read it part by part; the first rows are shown and all of them are in a file."""
    heads = _heads(columns)
    found = material.gather(ctx, text, file)
    task = ctx.say(TASK, columns=", ".join(heads))
    rows: list[tuple[str, ...]] = []
    last = Written("")
    for part in found.parts:
        ctx.check_stop()
        last = ctx.model.write(task, material=[part], schema=_schema(heads), max_tokens=4096)
        rows += _rows(last.data, heads)
    if not rows:
        raise CannotDo(NONE)
    card = ai_label.card(
        Written("", model=last.model), ctx.language, title=ctx.say(TITLE, count=len(rows)),
        blocks=[Table(heads, tuple(rows[:SHOWN]))], sources=found.sources,
    )  # fmt: skip
    return Reply(card, files=(ctx.file("table.csv", sheets.csv_text([heads, *rows])),))


def _heads(columns: str) -> tuple[str, ...]:
    found = [one.strip() for one in columns.replace("，", ",").replace("、", ",").split(",")]
    heads = tuple(dict.fromkeys(one[:40] for one in found if one))
    if not heads:
        raise CannotDo(COLUMNS)
    if len(heads) > MOST_COLUMNS:
        raise CannotDo(TOO_MANY, most=MOST_COLUMNS)
    return heads


def _schema(heads: tuple[str, ...]) -> dict[str, Any]:
    row = {
        "type": "object",
        "properties": {head: {"type": "string"} for head in heads},
        "required": list(heads),
        "additionalProperties": False,
    }
    return {
        "type": "object",
        "properties": {"rows": {"type": "array", "items": row, "maxItems": MOST_ROWS}},
        "required": ["rows"],
        "additionalProperties": False,
    }


def _rows(data: Any, heads: tuple[str, ...]) -> list[tuple[str, ...]]:
    found = data.get("rows", []) if isinstance(data, dict) else []
    rows = [tuple(str(row.get(head, "")) for head in heads) for row in found]
    return [row for row in rows if any(cell.strip() for cell in row)]
