"""From the JSON that a language model proposes to stored parameters, read as if it were typed.

A model writes `"in 20 minutes"` and `"3"` where a person would, and an ISO time without its zone;
anything else is checked as what a program gave. What was read once reads the same again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from apps.core.i18n import both
from apps.skills.declare import Parameter
from apps.skills.parameters import Invalid, Result, finish
from apps.skills.times import Clock
from apps.skills.values import Unfit, read, to_json

_UNKNOWN = both("没有参数 {name}", "there is no parameter {name}")
_WRONG = both("{label}：{why}", "{label}: {why}")
#: So often a front such as “me to …” is taken away; who writes more of it means it.
_LEADS = 8


def bind(
    parameters: Sequence[Parameter],
    given: Mapping[str, Any],
    clock: Clock,
    *,
    attended: bool = True,
) -> Result:
    """Return the parameters of a JSON object; nothing given (None, an empty text) is not there."""
    by_name = {p.name: p for p in parameters}
    values: dict[str, Any] = {}
    for name, value in given.items():
        parameter = by_name.get(name)
        if parameter is None:
            return Invalid(_UNKNOWN.format(name=str(name)[:40]))
        if value is None or (isinstance(value, str) and not value.strip()):
            continue
        try:
            values[name] = value_of(parameter, value, clock)
        except Unfit as unfit:
            return Invalid(_WRONG.format(label=parameter.name, why=unfit.why), parameter)
    return finish(parameters, values, attended=attended)


def value_of(parameter: Parameter, value: Any, clock: Clock) -> Any:
    """Return the stored form of one value. Raises Unfit."""
    if not isinstance(value, str):
        return to_json(parameter, value)
    if parameter.kind != "text":
        return read(parameter, value, clock)
    for _ in range(_LEADS):
        shorter = read(parameter, value, clock)
        if shorter == value:
            break
        value = shorter
    return value


def carried(parameter: Parameter, value: Any, clock: Clock) -> Any:
    """Return the stored form of what an earlier step gave; a text as it is. Raises Unfit."""
    if isinstance(value, str) and parameter.kind == "text":
        return to_json(parameter, value)
    if parameter.kind == "text" and isinstance(value, int | float):
        return to_json(parameter, str(value))
    return value_of(parameter, value, clock)
