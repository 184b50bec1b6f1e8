"""What the company's own patterns, and its words that must be masked, find in a text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from apps.core.masking import Finder, Span
from apps.llm import re2_patterns
from apps.llm.privacy_models import MaskPattern

WORD = "WORD"


def finders() -> list[tuple[str, Finder]]:
    """The patterns in use, with the kinds of what they find."""
    rows = MaskPattern.objects.filter(enabled=True).order_by("pk").values_list("kind", "pattern")
    return [(kind, finder(kind, re2_patterns.compiled(pattern))) for kind, pattern in rows]


def finder(kind: str, pattern: Any) -> Finder:
    """A recogniser of one compiled pattern."""

    def find(folded: str) -> Iterator[Span]:
        for match in pattern.finditer(re2_patterns.readable(folded)):
            if match.end() > match.start():
                yield Span(match.start(), match.end(), kind)

    return find
