"""JSON Schema for schemas that a stranger wrote: whatever it says, a check of it ends soon.

A schema of a kilobyte can ask for more steps than there are atoms (`$ref`s to `allOf`s of `$ref`s),
or hold an expression on which `re` goes backwards for days; and checks run on a loop that many wait
for. So a schema has a size, a check counts its steps, and expressions are RE2's.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from typing import Any

import re2
from jsonschema import exceptions, validators
from referencing import Registry
from referencing.exceptions import Unresolvable

from apps.core import strictjson
from apps.llm import re2_patterns

#: Values in a schema, at any depth.
MOST_PARTS = 2_000
MOST_STEPS = 20_000
_left: ContextVar[list[int]] = ContextVar("steps left")


class Unusable(Exception):
    """Nothing can be checked by this schema; the text says why, in English."""


def first_problem(value: Any, schema: Mapping[str, Any]) -> exceptions.ValidationError | None:
    """The likeliest thing that stands against a value. Raises `Unusable`."""
    _look_over(schema)
    kind = validators.validator_for(schema, default=validators.Draft202012Validator)
    kept = _left.set([MOST_STEPS])
    try:
        kind.check_schema(schema)
        checks = _counted(kind)(schema, registry=Registry()).iter_errors(value)
        return exceptions.best_match(checks)
    except (exceptions.SchemaError, Unresolvable, re2.error) as error:
        raise Unusable(str(error)[:200]) from error
    except RecursionError as error:
        raise Unusable("it goes round in a circle") from error
    finally:
        _left.reset(kept)


def _look_over(schema: Mapping[str, Any]) -> None:
    parts = 0
    left: list[Mapping[str, Any] | list[Any]] = [schema]
    while left:
        one = left.pop()
        parts += len(one) + 1
        if parts > MOST_PARTS:
            raise Unusable(f"it has more than {MOST_PARTS} parts")
        if isinstance(one, Mapping):
            if isinstance(one.get("patternProperties"), Mapping):
                raise Unusable("patternProperties is not known here")
            left.extend(inner for inner in one.values() if isinstance(inner, Mapping | list))
        else:
            left.extend(inner for inner in one if isinstance(inner, Mapping | list))


@functools.cache
def _counted(kind: Any) -> Any:
    ours = {**kind.VALIDATORS, "pattern": _pattern, "uniqueItems": _unique}
    return validators.extend(kind, {name: _counting(check) for name, check in ours.items()})


def _counting(check: Callable[..., Any]) -> Callable[..., Iterator[Any]]:
    def counted(validator: Any, told: Any, instance: Any, schema: Any) -> Iterator[Any]:
        left = _left.get()
        left[0] -= len(told) + 1 if isinstance(told, Mapping | list) else 1
        if left[0] < 0:
            raise Unusable("it takes too long to check")
        yield from check(validator, told, instance, schema) or ()

    return counted


def _pattern(validator: Any, told: str, instance: Any, schema: Any) -> Iterator[Any]:
    if isinstance(instance, str):
        found = re2_patterns.compiled(told).search(re2_patterns.readable(instance))
        if found is None:
            yield exceptions.ValidationError(f"{instance!r} does not match {told!r}")


def _unique(validator: Any, told: bool, instance: Any, schema: Any) -> Iterator[Any]:
    if told and isinstance(instance, list):
        texts = {strictjson.dumps(one, sort_keys=True) for one in instance}
        if len(texts) < len(instance):
            yield exceptions.ValidationError("it holds the same value twice")
