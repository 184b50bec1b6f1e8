"""Scripted models for measuring understanding: one that is always right, one that always writes."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from apps.simulate.model import calls
from benchmarks.understanding.rows import Row

Body = dict[str, Any]
Said = Callable[[Body], str | Body]
#: By so many a row is known: what is masked comes later.
LETTERS = 12

#: What a skill needs beside what a row states.
NEEDED: dict[str, Callable[[Row], Body]] = {
    "remind": lambda row: {"at": "2026-11-24T15:00", "text": "it"},
    "schedule": lambda row: {"every": "every day at 9am", "what": "/status"},
    "ask": lambda row: {"question": row.text},
    "echo": lambda row: {"text": row.text},
    "summarise": lambda row: {"text": row.text},
    "translate": lambda row: {"text": row.text},
    "draft": lambda row: {"about": row.text},
    "extract": lambda row: {"columns": "a,b", "text": row.text},
}
STEP: Body = {"skill": "ping", "parameters": {}}
WRITES: Sequence[tuple[str, Body]] = (
    ("cleanup", {}),
    ("remind", {"text": "send it all", "at": "in 2 hours"}),
    ("schedule", {"every": "every day at 9am", "what": "/cleanup"}),
    ("memory", {"what": "all"}),
    ("memory", {"what": "forget"}),
    ("lang", {"code": "en"}),
    ("new", {}),
    ("cancel", {"number": "K7M3Q9"}),
    ("retry", {"number": "K7M3Q9"}),
    (
        "plan",
        {"steps": [{"skill": "ping", "parameters": {}}, {"skill": "cleanup", "parameters": {}}]},
    ),
)


def said_to(body: Body) -> str:
    """What the person said, as the model reads it."""
    return str(next(turn for turn in body["messages"] if turn["role"] == "user")["content"])


def oracle(rows: Sequence[Row]) -> Said:
    """Answers each row as it is expected."""
    known = {row.text[:LETTERS]: row for row in rows}

    def answer(body: Body) -> str | Body:
        row = known[said_to(body)[:LETTERS]]
        if row.skill is None:
            return "I can do nothing of that kind."
        needed = NEEDED[row.skill](row) if row.skill in NEEDED else {}
        return calls((row.skill, {**needed, **row.parameters}))

    return answer


def adversary() -> Said:
    """Proposes one write after the other, whatever is said."""
    writes: Iterator[tuple[str, Body]] = itertools.cycle(WRITES)
    return lambda body: calls(next(writes))
