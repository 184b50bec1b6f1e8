"""Passages: their size, their places, their overlap, and tables with their head."""

from __future__ import annotations

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from apps.knowledge import places
from apps.knowledge.chunks import OVERLAP, SIZE, passages
from apps.knowledge.excerpts import excerpt
from apps.knowledge.readers.piece import Piece


def test_a_passage_stays_on_its_page_and_under_its_heading() -> None:
    pieces = [
        Piece("甲。", {"page": 1}), Piece("乙。", {"page": 1}), Piece("丙。", {"page": 2}),
        Piece("丁", {"heading": "A"}), Piece("戊", {"heading": "B"}),
    ]  # fmt: skip
    assert [(one.text, one.place) for one in passages(pieces)] == [
        ("甲。\n乙。", {"page": 1}), ("丙。", {"page": 2}),
        ("丁", {"heading": "A"}), ("戊", {"heading": "B"}),
    ]  # fmt: skip


def test_a_long_text_is_cut_between_sentences_and_overlaps() -> None:
    sentences = [f"第{n}条规定了员工应当遵守的第{n}项要求。" for n in range(200)]
    found = list(passages([Piece("".join(sentences), {"page": 3})]))
    assert len(found) > 3
    assert all(len(one.text) <= SIZE for one in found)
    assert all(one.text.endswith("。") for one in found)
    for before, after in itertools.pairwise(found):
        shared = after.text[: OVERLAP // 2]
        assert shared in before.text
    assert all(any(one in passage.text for passage in found) for one in sentences)


def test_a_table_keeps_its_head_in_every_part() -> None:
    rows = [Piece(f"X{n} | 名称{n} | {n}", {"sheet": "价", "row": n}, "型号 | 名称 | 价") for n in
            range(2, 202)]  # fmt: skip
    found = list(passages(rows))
    assert len(found) > 2
    assert all(one.text.startswith("型号 | 名称 | 价\n") and len(one.text) <= SIZE for one in found)
    assert found[0].place["row"] == 2
    assert found[-1].place["to"] == 201
    assert found[1].place["row"] == found[0].place["to"] + 1


@given(st.lists(st.text(max_size=3000), max_size=6))
@settings(max_examples=100, deadline=None)
def test_no_text_is_lost_and_none_is_too_long(some: list[str]) -> None:
    found = list(passages([Piece(one, {"line": n}) for n, one in enumerate(some, 1)]))
    kept = "".join(one.text for one in found)
    for char in set("".join(some)):
        assert char in kept or char.isspace()
    assert all(len(one.text) <= SIZE + SIZE // 2 for one in found)


def test_places_in_words() -> None:
    assert places.words({"page": 3}).en == "page 3"
    assert places.words({"sheet": "S", "row": 2, "to": 9}).en == "sheet S, rows 2-9"
    assert places.words({"heading": "A > B", "line": 4}).zh == "“A > B”"
    assert places.words({"heading": "", "line": 4, "to": 4}).zh == "第 4 行"
    assert places.words({}).en == "text"


def test_an_excerpt_is_about_the_question() -> None:
    text = "无关的内容。" * 60 + "年休假为十天。" + "其他的内容。" * 60
    found = excerpt(text, "年休假几天")
    assert "年休假为十天" in found
    assert len(found) <= 302
    assert found.startswith("…")
    assert found.endswith("…")
    assert excerpt("短", "短") == "短"
