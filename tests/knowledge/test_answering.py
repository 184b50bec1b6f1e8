"""Answers: what a model says is kept only where it stands on passages that it was given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from apps.im.cards import Card
from apps.knowledge import answering
from apps.knowledge.answering import Sentence
from apps.knowledge.search import Hit
from apps.llm.errors import Overloaded
from apps.skills import ai_label
from apps.skills.ports import Written
from apps.skills.testing import ask, context, reply_of
from tests.knowledge.conftest import Put

HITS = [
    Hit(1, "年休假为十天，须提前三个工作日申请。", "员工手册.pdf", "a", {"page": 3}, 1.0),
    Hit(2, "Hotel limit: 180 EUR per night.", "policy.md", "a", {"heading": "Travel"}, 0.5),
]


def said(*sentences: Any, found: bool = True) -> dict[str, Any]:
    return {"found": found, "sentences": list(sentences)}


def one(text: str, *passages: Any) -> dict[str, Any]:
    return {"text": text, "passages": list(passages)}


@pytest.mark.parametrize(
    ("proposed", "kept"),
    [
        (one("年假 10 天。", 1), "年假 10 天。 [1]"),  # 十 in the passage
        (one("年假十天 [1]。", 1, 1), "年假十天。 [1]"),
        (one("1. 酒店每晚 180 欧元。", 2), "酒店每晚 180 欧元。 [2]"),
        (one("提前三个工作日，酒店 180。", 1, 2), "提前三个工作日，酒店 180。 [1][2]"),
        (one("年假 15 天。", 1), None),  # a number from nowhere
        (one("年假 180 天。", 1), None),  # a number of another passage
        (one("工龄 8 年的，年假 10 天。", 1), "工龄 8 年的，年假 10 天。 [1]"),  # in the question
        (one("年假十天。", 3), None),
        (one("年假十天。", 1, 9), None),
        (one("年假十天。", 0), None),
        (one("年假十天。", -1), None),
        (one("年假十天。"), None),
        (one("年假十天。", True), None),
        (one("年假十天。", "1"), None),
        (one("  ", 1), None),
        ({"text": 3, "passages": [1]}, None),
        ("年假十天", None),
    ],
)
def test_only_what_stands_on_a_passage_is_kept(proposed: Any, kept: str | None) -> None:
    found = answering.checked(said(proposed), HITS, "工龄 8 年的年假几天")
    assert [sentence.cited for sentence in found.sentences] == ([kept] if kept else [])
    assert found.dropped == (0 if kept else 1)


@pytest.mark.parametrize(
    "data", [None, [], "x", {}, said(one("年假十天。", 1), found=False), {"found": True}, said()]
)
def test_what_is_no_answer_is_none(data: Any) -> None:
    assert answering.checked(data, HITS, "q").sentences == ()


class Model:
    """A model that writes what it is told to; `asked` keeps what it was given."""

    def __init__(self, data: Any = None, error: Exception | None = None) -> None:
        self.data, self.error = data, error
        self.asked: list[tuple[str, Sequence[str], Any]] = []

    def available(self) -> bool:
        return True

    def write(
        self,
        task: str,
        *,
        material: Sequence[str] = (),
        schema: Mapping[str, Any] | None = None,
        max_tokens: int = 1024,
        model: str = "",
    ) -> Written:
        self.asked.append((task, material, schema))
        if self.error is not None:
            raise self.error
        return Written("", self.data, "scripted")


ALLOWED = ("skill.*", "knowledge.read.company")


@pytest.fixture
def shelf(put: Put) -> None:
    """Two documents."""
    put("company", "员工手册.md", "# 休假\n年休假为十天，须提前三个工作日申请。\n")
    put("company", "食堂.txt", "食堂午餐 11:30 开放。")
    put("hr", "机密.txt", "年休假的机密例外：总经理三十天。")


def test_a_model_answers_with_its_sources(shelf: None) -> None:
    model = Model(said(one("年假 10 天。", 1), one("总经理 30 天。", 2)))
    ctx = context(allowed=ALLOWED, model=model)
    reply = reply_of("docs", ctx, question="年休假几天")
    text = reply.plain("zh-hans")
    assert "年假 10 天。 [1]" in text
    assert "总经理" not in text  # there was no second passage
    assert "有 1 句没有依据" in text
    assert "[1] 员工手册.md，“休假”" in text
    assert ai_label.label("zh-hans") in text
    assert reply.private
    ((task, material, schema),) = model.asked
    assert "年休假几天" in task
    assert material == ["[1] 员工手册.md，“休假”\n年休假为十天，须提前三个工作日申请。"]
    assert schema == answering.SCHEMA


def test_when_the_model_finds_nothing_it_says_so(shelf: None) -> None:
    ctx = context(allowed=ALLOWED, language="en", model=Model(said(found=False)))
    text = ask("docs", ctx, question="年休假几天")
    assert text.startswith("The documents do not hold the answer.")
    assert "员工手册.md" in text
    assert ai_label.label("en") not in text  # no model wrote this


def test_without_a_model_the_passages_are_shown(shelf: None) -> None:
    text = ask("docs", context(allowed=ALLOWED), question="年休假几天")
    assert "[1] 员工手册.md，“休假”" in text
    assert "年休假为十天" in text
    assert "AI" not in text


def test_a_model_that_fails_leaves_the_passages(shelf: None) -> None:
    ctx = context(allowed=ALLOWED, language="en", model=Model(error=Overloaded(model="m")))
    text = ask("docs", ctx, question="年休假几天")
    assert "The model m is overloaded" in text
    assert "年休假为十天" in text


def test_nothing_found_asks_no_model(shelf: None) -> None:
    model = Model(said(one("乌兰巴托。", 1)))
    ctx = context(allowed=ALLOWED, model=model)
    reply = reply_of("docs", ctx, question="蒙古首都")
    assert isinstance(reply.content, Card)
    assert reply.content.color == "grey"
    assert "没有找到" in reply.plain("zh-hans")
    assert model.asked == []
    assert "Nothing about that" in ask("docs", context(language="en"), question="年休假几天")


def test_a_sentence_shows_its_numbers() -> None:
    assert Sentence("年假十天。", (1, 3)).cited == "年假十天。 [1][3]"
