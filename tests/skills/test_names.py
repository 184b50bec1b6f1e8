"""How names are compared."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.skills.names import fold, narrow, visible


@pytest.mark.parametrize(
    ("word", "folded"),
    [
        ("Ping", "ping"),
        ("ＰＩＮＧ", "ping"),
        ("p\u200bi\u202eng\ufeff", "ping"),
        ("帮助", "帮助"),
        ("Straße", "strasse"),
        ("ﬁnd", "find"),
    ],
)
def test_fold(word: str, folded: str) -> None:
    assert fold(word) == folded


def test_a_lookalike_of_another_script_stays_another_name() -> None:
    assert fold("pіng") != "ping"  # the second letter is Cyrillic


def test_narrow_takes_wide_digits_and_leaves_what_only_looks_like_a_number() -> None:
    assert narrow("１２　Ａ③²٣") == "12 A③²٣"


def test_visible_keeps_blanks() -> None:
    assert visible("a\tb\nc\u3000d\u00ade") == "a\tb\nc\u3000de"


@given(st.text())
def test_folding_is_total_and_leaves_nothing_invisible(text: str) -> None:
    assert visible(fold(text)) == fold(text)
