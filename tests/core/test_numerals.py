"""Numbers in Chinese words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.core import numerals


@given(st.integers(min_value=0, max_value=99_999_999))
def test_numbers_as_they_are_said(number: int) -> None:
    assert numerals.value(spell(number)) == number


def spell(number: int) -> str:
    """A number in Chinese words, written down the other way round."""
    if number >= 10_000:
        high, low = divmod(number, 10_000)
        zero = "零" if low and (low < 1000 or high % 10 == 0) else ""
        return spell(high) + "万" + zero + (spell(low) if low else "")
    words, pending = "", False
    for size, unit in ((1000, "千"), (100, "百"), (10, "十"), (1, "")):
        digit = number // size % 10
        if digit == 0:
            pending = bool(words)
        else:
            words += ("零" if pending else "") + "零一二三四五六七八九"[digit] + unit
            pending = False
    return words or "零"


@pytest.mark.parametrize(
    ("word", "number"),
    [("两", 2), ("十", 10), ("十五", 15), ("二十", 20), ("幺", 1), ("三亿零五", 300_000_005)],
)
def test_words(word: str, number: int) -> None:
    assert numerals.value(word) == number


@pytest.mark.parametrize(
    "word",
    ["", "万一", "千万", "七八", "一万三", "两百五", "百", "十百", "零十", "三x", "12", "一一"],
)
def test_no_numbers(word: str) -> None:
    assert numerals.value(word) is None
