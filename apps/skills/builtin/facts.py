"""Skill: the hard facts of what somebody else wrote, as typed values and nothing more.

The model that reads has no tools, and what it says is checked against the form of each value: a
text that gives orders can at most put a wrong date, number or address here, and the latter fill
nothing that decides without the asker's confirmation.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated, Any

from apps.im.cards import Fields
from apps.skills import ai_label, material
from apps.skills.base import Attachment, CannotDo, Context, Param, Reply, both, skill
from apps.skills.ports import Written

TITLE = both("读到的内容", "What it says")
TASK = both(
    "从材料里读出这些值，没有的留空：标题、日期时间（YYYY-MM-DDTHH:MM）、金额（只写数字）、"
    "人名、邮箱、电话、网址、编号。",
    "Read these values from the material and leave empty what is not there: title, date and time "
    "(YYYY-MM-DDTHH:MM), amount (digits only), person, e-mail, phone, web address, number.",
)
NONE = both("没有读到这些信息。", "None of these is in it.")
LABELS = {
    "title": both("标题", "Title"),
    "date": both("时间", "When"),
    "amount": both("金额", "Amount"),
    "person": both("人名", "Person"),
    "email": both("邮箱", "E-mail"),
    "phone": both("电话", "Phone"),
    "url": both("网址", "Address"),
    "code": both("编号", "Number"),
}
SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {name: {"type": "string"} for name in LABELS},
    "required": list(LABELS),
    "additionalProperties": False,
}


@skill(
    zh="要素",
    aliases=["读取"],
    summary=both(
        "读出文件或引用里的时间、金额、人名等。",
        "Read when, how much and who from a file or a quotation.",
    ),
    examples=[both("/要素（附上文件）", "/facts (with a file)")],
    lane="model",
    timeout=120,
    writes=False,
    outside=True,
    gives=tuple(LABELS),
)
def facts(
    ctx: Context,
    file: Annotated[Attachment | None, Param(label=both("文件", "file"))] = None,
    text: Annotated[str, Param(label=both("文字", "text"), rest=True)] = "",
) -> Reply:
    """Let a model without tools fill a form, and keep what has the form of its field."""
    found = material.gather(ctx, text, file)
    written = ctx.model.write(ctx.say(TASK), material=found.parts[:1], schema=SCHEMA)
    values = clean(written.data)
    if not values:
        raise CannotDo(NONE)
    pairs = tuple((ctx.say(LABELS[name]), value) for name, value in values.items())
    card = ai_label.card(
        Written("", model=written.model), ctx.language, title=ctx.say(TITLE),
        blocks=[Fields(pairs)], sources=found.sources,
    )  # fmt: skip
    return Reply(card, fields=values)


def clean(data: Any) -> dict[str, str]:
    """The values that have the form of their field; everything else is left out."""
    given = data if isinstance(data, Mapping) else {}
    found = {name: _FORMS[name](str(given.get(name) or "").strip()) for name in LABELS}
    return {name: value for name, value in found.items() if value}


def _line(most: int) -> Callable[[str], str]:
    def one(value: str) -> str:
        plain = "".join(letter for letter in value if letter.isprintable())
        return plain if 0 < len(plain) <= most else ""

    return one


def _date(value: str) -> str:
    try:
        return datetime.fromisoformat(value).isoformat(timespec="minutes")
    except ValueError:
        return ""


def _amount(value: str) -> str:
    try:
        number = float(value.replace(",", "").replace("，", ""))
    except ValueError:
        return ""
    return f"{number:.2f}" if math.isfinite(number) and abs(number) < 1e12 else ""


def _like(pattern: str) -> Callable[[str], str]:
    form = re.compile(pattern)
    return lambda value: value if form.fullmatch(value) else ""


_FORMS: dict[str, Callable[[str], str]] = {
    "title": _line(60),
    "date": _date,
    "amount": _amount,
    "person": _line(30),
    "email": _like(r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9.-]{1,190}"),
    "phone": _like(r"\+?[0-9][0-9 -]{4,20}"),
    "url": _like(r"https?://[!-~]{1,300}"),
    "code": _like(r"[A-Za-z0-9_./#-]{1,40}"),
}
