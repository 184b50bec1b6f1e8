"""The cases of ACEBench (Chen and others, 2025, arXiv 2501.12851) in a clone of it.

Read as they were published: a line of JSON is a case, `{"id", "question", "function", "time" or
"profile"}`, and the file of the same name under `possible_answer` holds `{"id", "ground_truth"}`.
The data stays in its clone. Taken are the cases that one answer settles (`normal_…`): those in
which people are played, or something is wrong on purpose, want rules of their own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from apps.core.errors import ClawdbotError
from apps.llm.shapes import Tool, Turn

Expected = Sequence[tuple[str, Mapping[str, Any]]]
LANGUAGES = {"zh": "zh", "en": "en", "data_zh": "zh", "data_en": "en"}
ANSWERS = "possible_answer"
#: What OpenAI's wire takes as a tool's name; many of the Chinese ones are none.
NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_SPEAKER = re.compile(r"^(user|system): ?", re.MULTILINE)
#: The same call twice is written `name_1`, `name_2` in the published answers.
_NUMBERED = re.compile(r"_\d+$")
#: Words of the data that JSON Schema has another word for; anything else unknown is left out.
TYPES = {"dict": "object", "float": "number", "bool": "boolean", "list": "array", "int": "integer"}
KNOWN = frozenset({"string", "object", "array", "number", "integer", "boolean", "null"})


class NoCases(ClawdbotError):
    """There are no cases of ACEBench under {folder} (looked for zh/data_normal_….json)."""

    code = "no_cases"
    zh = "{folder} 下没有 ACEBench 的用例（找的是 zh/data_normal_….json）。"
    permanent = True


@dataclass(frozen=True, slots=True)
class Case:
    """One question with its tools; `expected` are the alternatives, each the calls it wants.

    `names` maps the names that tools have here to those of the data.
    """

    id: str
    category: str
    language: str
    turns: tuple[Turn, ...]
    tools: tuple[Tool, ...]
    names: Mapping[str, str]
    expected: Sequence[Expected]


def load(folder: Path) -> list[Case]:
    """All cases of a clone, whatever folder the data lies in. Raises `NoCases`."""
    files = [file for file in sorted(folder.rglob("data_normal_*.json")) if _answers(file)]
    found = [case for file in files for case in _cases(file)]
    if not found:
        raise NoCases(folder=str(folder))
    return found


def _answers(file: Path) -> Path | None:
    answers = file.parent / ANSWERS / file.name
    return answers if file.parent.name in LANGUAGES and answers.is_file() else None


def _cases(file: Path) -> Iterator[Case]:
    answers = _answers(file)
    assert answers is not None
    truths = {line["id"]: line["ground_truth"] for line in _lines(answers)}
    category = file.stem.removeprefix("data_")
    for line in _lines(file):
        truth = truths.get(line["id"])
        if isinstance(truth, dict | list):
            yield _case(line, truth, category, LANGUAGES[file.parent.name])


def _lines(file: Path) -> Iterator[dict[str, Any]]:
    for line in file.read_text(encoding="utf-8").splitlines():
        if line.strip():
            yield json.loads(line)


def _case(line: Mapping[str, Any], truth: Any, category: str, language: str) -> Case:
    functions = [one for one in line["function"] if isinstance(one.get("name"), str)]
    names = {_tool_name(one["name"], n): one["name"] for n, one in enumerate(functions)}
    tools = tuple(
        Tool(name, str(one.get("description", "")), schema(_parameters(one)))
        for name, one in zip(names, functions, strict=False)
    )
    known = set(names.values())
    alternatives = truth if isinstance(truth, list) else [truth]
    expected = [[(_plain(k, known), v) for k, v in one.items()] for one in alternatives]
    turns = (Turn("system", _about(line)), *turns_of(line["question"]))
    return Case(line["id"], category, language, turns, tools, names, expected)


def _tool_name(name: str, number: int) -> str:
    return name if NAME.fullmatch(name) else f"tool_{number}"


def _plain(name: str, known: set[str]) -> str:
    return name if name in known else _NUMBERED.sub("", name)


def _parameters(function: Mapping[str, Any]) -> Mapping[str, Any]:
    given = (function.get(key) for key in ("parameters", "arguments", "_arguments"))
    return next((one for one in given if isinstance(one, dict)), {})


def _about(line: Mapping[str, Any]) -> str:
    """What a model is told beside the question."""
    said = ["Call the functions that the request needs, with values from the conversation only."]
    if line.get("time"):
        said.append(str(line["time"]))
    if line.get("profile"):
        said.append(f"Profile of the user: {json.dumps(line['profile'], ensure_ascii=False)}")
    return "\n".join(said)


def turns_of(question: str) -> list[Turn]:
    """The conversation of a question, in which the assistant is called `system`."""
    parts = _SPEAKER.split(question)
    said = list(zip(parts[1::2], parts[2::2], strict=True)) or [("user", question)]
    roles = {"user": "user", "system": "assistant"}
    return [Turn(roles[who], text.strip()) for who, text in said]  # type: ignore[arg-type]


def schema(given: Any) -> dict[str, Any]:
    """Parameters as JSON Schema that servers take: an object, with no types that there are not."""
    found = _tidy(given)
    return found if found.get("type") == "object" else {"type": "object", "properties": {}}


def _tidy(given: Mapping[str, Any]) -> dict[str, Any]:
    found = {k: v for k, v in given.items() if k in ("description", "enum", "required")}
    kind = given.get("type")
    kind = TYPES.get(kind, kind) if isinstance(kind, str) else None
    if kind in KNOWN:
        found["type"] = kind
    if isinstance(given.get("properties"), dict):
        inside = given["properties"].items()
        found["properties"] = {k: _tidy(v) for k, v in inside if isinstance(v, dict)}
        found["type"] = "object"
    if isinstance(given.get("items"), dict):
        found["items"] = _tidy(given["items"])
    return found
