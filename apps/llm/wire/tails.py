"""Whether a text that is not all there yet ends in the beginning of a tag."""

from __future__ import annotations


def begun(text: str, tag: str) -> int:
    """How many characters at the end of the text may become that tag; 0 for none."""
    for length in range(min(len(tag) - 1, len(text)), 0, -1):
        if text.endswith(tag[:length]):
            return length
    return 0
