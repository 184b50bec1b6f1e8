"""Texts cut into pieces, with code fences kept whole."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.im.fitting import _open_fence, split, split_fenced

MARKS = ["```", "```py", "~~~", "````", "    ```"]
WORDS = ["", "word", "汉字汉字", "`a`", "x" * 20]
LINES = st.lists(st.sampled_from(MARKS + WORDS), max_size=40)


@given(LINES, st.integers(120, 200))
def test_pieces_fit_and_leave_no_fence_open(lines: list[str], most: int) -> None:
    text = "\n".join(lines)
    pieces = split_fenced(text, most)
    assert all(len(piece.encode()) <= most for piece in pieces)
    assert all(_open_fence(piece)[1] == "" for piece in pieces[:-1])
    whole = "".join(pieces)
    added = [line for line in whole.split("\n") if line.strip("`~py ")]
    assert added == [line for line in text.split("\n") if line.strip("`~py ")]


@given(st.text(max_size=300), st.integers(20, 60))
def test_without_a_fence_the_pieces_are_the_text(text: str, most: int) -> None:
    if "```" not in text and "~~~" not in text:
        assert split_fenced(text, most) == split(text, most)
        assert "".join(split_fenced(text, most)) == text


def test_a_cut_fence_is_closed_and_opened_again() -> None:
    text = "see\n```py\n" + "a = 1\n" * 20 + "```\nend"
    first, *rest = split_fenced(text, 80)
    assert first.startswith("see\n```py\na = 1\n")
    assert first.endswith("a = 1\n```")
    assert all(piece.startswith("```py\n") for piece in rest)
    assert rest[-1].endswith("```\nend")


@pytest.mark.parametrize(
    ("text", "closing"),
    [
        ("```\nx", "```"),
        ("````md\n```\nx", "````"),
        ("~~~\n```\nx", "~~~"),
        ("```\nx\n```", ""),
        ("```\nx\n```` ", ""),
        ("```a`b\nx", ""),
        ("    ```\nx", ""),
        ("a ``` b", ""),
        ("```\nx\n``` no end", "```"),
    ],
)
def test_which_fence_is_open(text: str, closing: str) -> None:
    assert _open_fence(text)[1] == closing
