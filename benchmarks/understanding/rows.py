"""The commands by which understanding is measured: our own, in Chinese and English."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

COMMANDS = Path(__file__).with_name("commands.jsonl")


@dataclass(frozen=True, slots=True)
class Row:
    """One text, and what it is to be taken for.

    `like`: it resembles the examples that a skill declares. `skill` is None where nothing fits.
    `parameters` are those that the text settles, others may come beside them.
    """

    text: str
    language: str
    like: bool
    skill: str | None
    parameters: Mapping[str, Any] = field(default_factory=dict)

    @property
    def group(self) -> str:
        """`like zh`, `like en`, `unlike zh`, `unlike en`."""
        return f"{'like' if self.like else 'unlike'} {self.language[:2]}"


def load(file: Path = COMMANDS) -> list[Row]:
    """The rows of a file with one JSON object a line."""
    lines = file.read_text(encoding="utf-8").splitlines()
    return [Row(**json.loads(line)) for line in lines if line.strip()]
