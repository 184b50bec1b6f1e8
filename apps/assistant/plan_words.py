"""A plan as people see it: before they confirm it, while it runs, and when it is over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from apps.assistant import words
from apps.assistant.models import Step
from apps.assistant.plan import PLAN, Plan, PlanStep, reference
from apps.assistant.visible import visible
from apps.core.i18n import Text, both
from apps.im import cards
from apps.im.cards import BadCard, Block, Card
from apps.skills import ai_label
from apps.skills.base import Parameter, Reply, get
from apps.skills.wording import short

MARKS = {
    "waiting": "…", "running": "▸", "succeeded": "✓", "failed": "✗", "skipped": "–", "unknown": "?",
}  # fmt: skip
RESULT_OF = both("第 {number} 步的结果", "the result of step {number}")
FIELD_OF = both("第 {number} 步的 {field}", "{field} of step {number}")
AI_CHOSE = both("AI 这样理解，请核对。", "This is how AI understood it; please check.")
UNDERSTOOD = both("理解为：{skill} {facts}", "Understood as: {skill} {facts}")
NOT_ALL = both("没有全部完成：", "Not everything was done:")
SKIPPED = both("没有运行", "not run")
UNSURE = both(
    "中断时正在运行，不能确定是否已经做了；没有重复。",
    "was interrupted while it ran; it may have been done, and was not repeated",
)
SHOWN = 80
LONG = 200


def value(parameter: Parameter | None, found: Any, language: str) -> str:
    """A parameter's value as people write it; a reference as the step that it waits for."""
    other = reference(found)
    if other is not None:
        number = other.step.removeprefix("s")
        text = RESULT_OF if other.field == "text" else FIELD_OF
        return text.format(number=number, field=other.field).in_(language)
    kind = parameter.kind if parameter else ""
    if kind == "file" and isinstance(found, Mapping):
        found = found.get("name", "")
    elif kind == "time":
        found = words.clock(datetime.fromisoformat(found))
    elif kind == "every" and isinstance(found, Mapping):
        found = found.get("words") or found.get("cron", "")
    return str(found)


def facts(skill: str, parameters: Mapping[str, Any], language: str, limit: int = LONG) -> str:
    """The parameters of a skill by their labels, on one line."""
    found = get(skill)
    known = {one.name: one for one in found.parameters} if found else {}
    shown = []
    for name, one in parameters.items():
        parameter = known.get(name)
        label = parameter.label.in_(language) if parameter else name
        shown.append(f"{label}={short(value(parameter, one, language), limit)}")
    return both("；", "; ").in_(language).join(shown)


def understood(skill: str, parameters: Mapping[str, Any], language: str) -> Block:
    """One line that says what a model took the words for."""
    shown = facts(skill, parameters, language, SHOWN)
    text = UNDERSTOOD.in_(language).format(skill=words.skill_label(skill, language), facts=shown)
    return cards.Text(text.strip())


def pairs(plan: Plan, language: str) -> list[tuple[str, str]]:
    """Each step with all its parameters, for whoever has to confirm them."""
    return [(_head(n, one, language), _all(one, language)) for n, one in enumerate(plan.steps, 1)]


def _head(number: int, step: PlanStep | Step, language: str) -> str:
    return f"{number}. {words.skill_label(step.skill, language)}"


def _all(step: PlanStep, language: str) -> str:
    found = get(step.skill)
    known = {one.name: one for one in found.parameters} if found else {}
    lines = []
    for name, one in step.parameters.items():
        parameter = known.get(name)
        label = parameter.label.in_(language) if parameter else name
        lines.append(f"{label}: {visible(value(parameter, one, language))}")
    return "\n".join(lines) or "-"


def held(
    skill: str, parameters: Mapping[str, Any], names: Sequence[str], language: str
) -> list[str]:
    """Parameters (`to`, or `s2.to` of a plan) as people read them."""
    steps = Plan.from_json(parameters["steps"]).steps if skill == PLAN else ()
    places = {one.id: (number, one) for number, one in enumerate(steps, 1)}
    shown = []
    for name in names:
        step, _, own = name.rpartition(".")
        if step:
            number, found = places[step]
            shown.append(f"{_head(number, found, language)}: {_label(found.skill, own, language)}")
        else:
            shown.append(_label(skill, name, language))
    return shown


def _label(skill: str, name: str, language: str) -> str:
    found = get(skill)
    known = {one.name: one.label for one in found.parameters} if found else {}
    return known[name].in_(language) if name in known else name


def board(rows: Sequence[Step], language: str, note: str = "") -> list[str]:
    """A line for each step: its state, and what the running one says of itself."""
    lines = []
    for row in rows:
        more = f": {short(note, SHOWN)}" if note and row.state == "running" else ""
        lines.append(f"{MARKS[row.state]} {_head(row.number, row, language)}{more}")
    return lines


def final(rows: Sequence[Step], language: str) -> Card:
    """What was done and what not; what the last step said is the answer."""
    last = rows[-1]
    done = all(row.state == "succeeded" for row in rows)
    said = _card(last) if last.state == "succeeded" else None
    blocks: list[Block] = list(said.blocks) if said else []
    if not done:
        blocks.insert(0, cards.Text(NOT_ALL.in_(language)))
    shown = [_result(row, language, full=row is not last or said is None) for row in rows]
    blocks.append(cards.Text("\n".join(shown)))
    if any(_by_ai(row) for row in rows) and not (said and ai_label.labelled(said)):
        blocks.append(cards.Text(ai_label.label(language)))
    title, buttons = (said.title, said.buttons) if said else ("", ())
    return Card(title, "blue" if done else "orange", tuple(blocks), buttons)


def said(answer: Reply, language: str) -> str:
    """What an answer says, for a step that goes on with it: its words, without what stands under
    a line about the answer, and without buttons."""
    if not isinstance(answer.content, Card):
        return answer.plain(language)
    card, kept = answer.content, list[Block]()
    for block in card.blocks:
        if isinstance(block, cards.Divider) and kept:
            break
        kept.append(block)
    return "\n".join(cards.block_text(one) for one in kept)


def _result(row: Step, language: str, *, full: bool) -> str:
    line = f"{MARKS[row.state]} {_head(row.number, row, language)}"
    why: str | Text = str((row.result or {}).get("text", "")) if full else ""
    if row.state == "skipped":
        why = SKIPPED
    elif row.state == "unknown":
        why = UNSURE
    text = why.in_(language) if isinstance(why, Text) else short(why, SHOWN)
    return f"{line}: {text}" if text else line


def _by_ai(row: Step) -> bool:
    found = _card(row) if row.state == "succeeded" else None
    return found is not None and ai_label.labelled(found)


def _card(row: Step) -> Card | None:
    try:
        return Card.from_json((row.result or {}).get("card") or {})
    except BadCard:
        return None
