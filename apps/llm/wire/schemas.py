"""JSON in what a model wrote, and whether it fits a schema.

`jsonschema` is here for the API's description anyway (drf-spectacular needs it), so that a check
of our own would only be a worse one. Nothing is ever fetched: a `$ref` to elsewhere is an error.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from apps.core import strictjson

#: What stands between three backticks.
FENCE = re.compile(r"```[a-zA-Z]*\s*\n?(.*?)```", re.DOTALL)
_START = re.compile(r"[\[{]")


def values(text: str) -> Iterator[Any]:
    """The JSON values in a text, most likely first: the whole, what is fenced, what is inside."""
    for candidate in (text, *FENCE.findall(text)):
        try:
            yield strictjson.loads(candidate.strip())
        except strictjson.MalformedJson:
            continue
    yield from _inside(text)


def _inside(text: str) -> Iterator[Any]:
    decoder = json.JSONDecoder()
    found = _START.search(text)
    if found is None:
        return
    try:
        _, end = decoder.raw_decode(text, found.start())
        yield strictjson.loads(text[found.start() : end])
    except (ValueError, RecursionError):
        return


def problem(value: Any, schema: Mapping[str, Any]) -> str:
    """What stands against a value, in English, "" when it fits the schema."""
    # Their import takes as long as a small request.
    from apps.llm.wire import bounded

    try:
        found = bounded.first_problem(value, schema)
    except bounded.Unusable as error:
        return f"the schema itself is broken: {error}"
    if found is None:
        return ""
    where = "/".join(str(part) for part in found.absolute_path)
    return f"{where or 'the answer'}: {found.message[:300]}"
