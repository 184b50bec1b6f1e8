"""What a server says a tool is: taken apart, bounded, and pinned by a hash."""

from __future__ import annotations

import difflib
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from apps.core import strictjson
from apps.core.i18n import Text, both
from apps.skills.names import INVISIBLE, visible

#: Of the whole definition as JSON, in characters.
MAX_SIZE = 32_768
MAX_DEPTH = 8
MAX_DESCRIPTION = 4_000
MAX_NAME = 128
_NAME = re.compile(r"[A-Za-z0-9_.\-/]{1,128}")

NO_NAME = both("名称不可用", "its name cannot be used")
TOO_LARGE = both("定义过大", "its definition is too large")
TOO_DEEP = both("参数结构太深", "its schema is too deep")
LONG_DESCRIPTION = both(
    f"描述超过 {MAX_DESCRIPTION} 个字符", f"its description is longer than {MAX_DESCRIPTION}"
)
HIDDEN = both(
    "含有看不见的字符（下面以 \\u… 标出）",
    "it holds characters that cannot be seen (shown as \\u… below)",
)


@dataclass(frozen=True, slots=True)
class Definition:
    """Name, description, schema and annotations: what is reviewed and what the hash covers."""

    name: str
    description: str
    schema: Mapping[str, Any]
    annotations: Mapping[str, Any]

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Definition:
        """As a server lists it. What is of another type than it should be counts as missing."""
        name, description = given.get("name"), given.get("description")
        schema, annotations = given.get("inputSchema"), given.get("annotations")
        return cls(
            name if isinstance(name, str) else "",
            description if isinstance(description, str) else "",
            schema if isinstance(schema, dict) else {},
            annotations if isinstance(annotations, dict) else {},
        )

    @classmethod
    def stored(cls, row: Mapping[str, Any]) -> Definition:
        """As `to_json` gave it."""
        return cls(row["name"], row["description"], row["schema"], row["annotations"])

    def to_json(self) -> dict[str, Any]:
        """As it is stored."""
        return {
            "name": self.name,
            "description": self.description,
            "schema": dict(self.schema),
            "annotations": dict(self.annotations),
        }

    @property
    def sha256(self) -> str:
        """The hash of the canonical JSON (sorted keys, no blanks), in hex."""
        return hashlib.sha256(strictjson.dumps(self.to_json(), sort_keys=True).encode()).hexdigest()

    @property
    def problem(self) -> Text | None:
        """What makes it too much to be looked at, whatever its parameters are."""
        if not _NAME.fullmatch(self.name):
            return NO_NAME
        if len(self.description) > MAX_DESCRIPTION:
            return LONG_DESCRIPTION
        if depth(self.schema) > MAX_DEPTH:
            return TOO_DEEP
        return TOO_LARGE if len(strictjson.dumps(self.to_json())) > MAX_SIZE else None

    @property
    def hidden(self) -> bool:
        """Does it hold characters that a reader does not see?"""
        return INVISIBLE.search(strictjson.dumps(self.to_json())) is not None

    @property
    def summary(self) -> str:
        """Its first words on one line, for lists and for models; nothing invisible in it."""
        line = " ".join(visible(self.description).split())
        return line if len(line) <= 200 else line[:199] + "…"

    def lines(self) -> list[str]:
        """The whole of it for people, nothing hidden."""
        text = json.dumps(self.to_json(), ensure_ascii=False, indent=2, sort_keys=True)
        return revealed(text.replace("\\n", "\\n\n      ")).splitlines()


def revealed(text: str) -> str:
    """Return a text with what cannot be seen as an escape."""
    return "".join(
        f"\\u{ord(one):04x}" if INVISIBLE.match(one) and one != "\n" else one for one in text
    )


def diff(old: Definition, new: Definition) -> Iterator[str]:
    """What changed, line by line, as `diff -u` shows it."""
    return difflib.unified_diff(
        old.lines(), new.lines(), fromfile="reviewed", tofile="offered", lineterm=""
    )


def depth(value: Any) -> int:
    """How deep objects and arrays lie in each other; 1 for a flat one."""
    deepest, level = 0, [value]
    while level := [one for one in level if isinstance(one, dict | list)]:
        deepest += 1
        level = [
            inner for one in level for inner in (one.values() if isinstance(one, dict) else one)
        ]
    return deepest
