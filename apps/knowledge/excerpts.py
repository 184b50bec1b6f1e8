"""The part of a passage that speaks of the question, where the whole would be too long."""

from __future__ import annotations

import re

from apps.knowledge import words

LONGEST = 300
_PARTS = re.compile(r"[^。！？；!?;\n]+(?:[。！？；!?;\n]+|$)")


def excerpt(text: str, question: str, longest: int = LONGEST) -> str:
    """At most `longest` characters: the run of sentences that shares most with the question."""
    if len(text) <= longest:
        return text
    wanted = {one.word.rstrip("*") for one in words.of_question(question)}
    parts = [part for whole in _PARTS.findall(text) for part in _cut(whole, longest)]
    worth = [len(wanted & set(words.of_text(part))) for part in parts]
    best, chosen = -1, (0, 1)
    for first in range(len(parts)):
        behind, size, sum_ = first, 0, 0
        while behind < len(parts) and size + len(parts[behind]) <= longest:
            size, sum_, behind = size + len(parts[behind]), sum_ + worth[behind], behind + 1
        if sum_ > best:
            best, chosen = sum_, (first, behind)
    first, behind = chosen
    found = "".join(parts[first:behind]).strip()
    return f"{'…' if first else ''}{found}{'…' if behind < len(parts) else ''}"


def _cut(part: str, longest: int) -> list[str]:
    return [part[start : start + longest] for start in range(0, len(part), longest)]
