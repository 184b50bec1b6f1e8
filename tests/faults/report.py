"""Writes the table of the matrix."""

from __future__ import annotations


def write(rows: list[dict[str, object]]) -> None:
    """Put it into the documents."""
