"""Questions about missing parameters: in words for the first of them, as a form for all.

Whoever's platform draws forms fills all at once; everybody may simply type the answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from apps.assistant import words
from apps.assistant.models import Job
from apps.core.i18n import Text
from apps.im import cards
from apps.im.cards import Button, Card, Choice, Form, Input
from apps.skills.base import Skill
from apps.skills.declare import Parameter

#: The command of a form's button, with the number of the job that asks.
FILL = "/fill "
_KINDS: dict[str, Literal["text", "number"]] = {"int": "number", "float": "number"}


def card(
    job: Job,
    skill: Skill,
    known: Mapping[str, Any],
    missing: Parameter,
    language: str,
    *,
    why: Text | None = None,
) -> Card:
    """Ask for `missing` in words, and for all that is not known in a form; `why` not as before.

    A file is sent, not filled in.
    """
    asked = [p for p in skill.parameters if p.asked and p.name not in known]
    inputs = tuple(_input(p, language) for p in asked or [missing] if p.kind != "file")
    submit = Button(words.SUBMIT.in_(language), f"{FILL}{job.number}", "primary")
    form = Form(inputs, submit) if inputs else None
    question = cards.Text(missing.question.in_(language))
    if why is None:
        return Card("", "blue", (question,), form=form)
    return Card("", "orange", (cards.Text(why.in_(language)), question), form=form)


def filled(shown: Card, skill: Skill, values: Mapping[str, Any], language: str) -> Card:
    """The question once it is answered: what was given, and nothing to fill in."""
    pairs = tuple(
        (p.label.in_(language), _value(p, values[p.name]))
        for p in skill.parameters
        if p.name in values
    )
    facts = (cards.Fields(pairs),) if pairs else ()
    return Card(shown.title, "grey", (*shown.blocks, *facts))


def _value(parameter: Parameter, value: Any) -> str:
    """As people write it: no ISO time, no mapping."""
    if parameter.kind == "file" and value:
        value = value["name"]
    elif parameter.kind == "time":
        value = words.clock(datetime.fromisoformat(value))
    elif parameter.kind == "every":
        value = value["words"]
    return str(value)[:200]


def _input(parameter: Parameter, language: str) -> Input:
    label = parameter.label.in_(language)
    question = parameter.question.in_(language)
    return Input(
        name=parameter.name,
        label=label,
        kind=_KINDS.get(parameter.kind, "text"),
        required=True,
        hint=question if question != label else "",
        choices=_choices(parameter, language),
    )


def _choices(parameter: Parameter, language: str) -> tuple[Choice, ...]:
    if parameter.kind == "bool":
        return tuple(Choice(value, label.in_(language)) for value, label in words.YES_NO)
    return tuple(Choice(value, value) for value in parameter.shown_choices)
