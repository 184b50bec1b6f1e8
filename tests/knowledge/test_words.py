"""Words of the index: bigrams, stems, codes, numbers; the same for a text and a question."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.knowledge import index, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("年休假", ["年休", "休假", "假"]),
        ("年 休\n假", ["年休", "休假", "假"]),  # justified or broken lines
        ("員工手冊", ["员工", "工手", "手册", "册"]),
        ("ＡＢＣ１２", ["abc", "12", "abc12"]),
        ("CB-2026/113", ["cb", "2026", "113", "cb2026113"]),
        ("1,500 EUR", ["1500", "eur"]),
        ("company's", ["compan"]),
        ("预算两万元", ["预算", "算两", "两万", "万元", "元", "20000"]),
        ("请假 3 天", ["请假", "假", "3", "天"]),
        ("5 万台", ["5", "万台", "台", "50000"]),
        ("", []),
        ("、。 ——", []),
    ],
)
def test_the_words_of_a_text(text: str, expected: list[str]) -> None:
    assert words.of_text(text) == expected


@pytest.mark.parametrize(
    "same",
    [
        ("reimburse", "reimbursed", "reimbursement", "Reimbursements"),
        ("policy", "policies"),
        ("approve", "approval", "approved", "approving"),
        ("expense", "expenses"),
        ("plan", "planned", "planning", "plans"),
        ("process", "processes", "processed"),
    ],
)
def test_forms_of_a_word_are_one(same: tuple[str, ...]) -> None:
    assert len({words.of_text(one)[0] for one in same}) == 1


def test_who_asks_says_more_than_what_is_looked_for() -> None:
    found = [one.word for one in words.of_question("请问年假有多少天？")]
    assert "年假" in found
    assert not {"请问", "多少"} & set(found)
    assert [one.word for one in words.of_question("What is the hotel limit?")] == ["hotel", "limit"]
    assert [one.word for one in words.of_question("税")] == ["税*"]
    assert words.of_question("what is it") != []  # nothing else was asked
    assert words.of_question("？！") == []


def test_units_say_which_characters_a_word_covers() -> None:
    found = {one.word: one.units for one in words.of_question("出差住宿")}
    assert found == {"出差": (0, 1), "差住": (1, 2), "住宿": (2, 3)}
    assert {one.word: len(one.units) for one in words.of_question("b4x")} == {
        "b": 1, "4": 1, "x": 1, "b4x": 3,
    }  # fmt: skip


@given(st.text(max_size=200))
@settings(max_examples=300, deadline=None)
def test_a_word_is_one_word_to_both_databases(text: str) -> None:
    for word in words.of_text(text):
        assert word
        assert all(char.isalnum() or ord(char) > 127 for char in word)
        assert not any(char.isspace() or char in "'\"\\*" for char in word)
        assert len(word.encode()) < 2046  # PostgreSQL's longest lexeme
    for one in words.of_question(text):
        assert one.units
        assert " " not in one.word


@given(st.text(alphabet="报销出差年休假abc12 ，。", min_size=2, max_size=30))
@settings(max_examples=200, deadline=None)
def test_what_is_written_is_found_by_asking_for_it(text: str) -> None:
    there = words.of_text(text)
    for one in words.of_question(text):
        wanted = one.word.rstrip("*")
        assert any(word.startswith(wanted) for word in there), (one, there)


@pytest.mark.django_db
def test_no_question_breaks_a_database() -> None:
    for text in (
        "'",
        '"',
        "\\",
        "a'b\\c\"d",
        "*",
        "年*",
        "𠀀𠀁",
        "ß İ ﬃ",
        "\x00\ud800a",
        "-- ;",
        "①②",
        "ａ～ｂ",
    ):
        for word in [*words.of_text(text), *(one.word for one in words.of_question(text))]:
            assert index.having(word, [1]) == []
