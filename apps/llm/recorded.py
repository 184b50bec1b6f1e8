"""What the row of a call keeps where a model is exempt from masks: the words, without the numbers,
passwords and keys in them. A row is masked text whatever the model may read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from apps.core.redact import redact
from apps.llm.shapes import Answer, Ask, ToolCall


def ask_for_row(ask: Ask) -> Ask:
    """A question that went out as it was said, as its row keeps it."""
    turns = tuple(
        replace(turn, text=redact(turn.text), calls=_calls(turn.calls)) for turn in ask.turns
    )
    return replace(ask, turns=turns)


def answer_for_row(answer: Answer) -> Answer:
    """The answer to it, in the same way."""
    return replace(answer, text=redact(answer.text), calls=_calls(answer.calls))


def _calls(calls: tuple[ToolCall, ...]) -> tuple[ToolCall, ...]:
    return tuple(
        replace(call, arguments={name: _value(one) for name, one in call.arguments.items()})
        for call in calls
    )


def _value(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _value(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_value(one) for one in value]
    if isinstance(value, bool) or not isinstance(value, str | int):
        return value
    text = redact(str(value))
    return value if text == str(value) else text
