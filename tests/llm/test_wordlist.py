"""The company's words, both ways."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.audit.log import Actor
from apps.audit.models import AuditRow
from apps.llm import privacy_actions, residency, wordlist
from apps.llm.models import LanguageModel
from apps.llm.privacy_actions import BadRule
from apps.llm.privacy_errors import ListedAnswer, ListedQuestion, MustNotLeave
from apps.llm.privacy_models import ListedWord, MaskPattern
from apps.llm.re2_patterns import BadPattern
from apps.llm.shapes import Answer, Ask, Purpose, ToolCall, Turn, user
from apps.llm.word_matching import entry, words
from apps.llm.wordlist import Censor

PURPOSE = Purpose("ask")
SYSTEM = Actor.system("test")
INSIDE = LanguageModel(name="inside", zone="internal")
OUTSIDE = LanguageModel(name="outside", zone="mainland")


def listed(word: str, rule: str, *, is_pattern: bool = False) -> ListedWord:
    return privacy_actions.set_word(
        ListedWord(), word=word, is_pattern=is_pattern, rule=rule, note="", enabled=True,
        actor=SYSTEM,
    )  # fmt: skip


@pytest.mark.parametrize(
    "said", ["曙光计划", "曙 光 计 划", "曙·光计划x", "APOLLO 11", "ａｐｏｌｌｏ 11", "NB-007"]
)
@pytest.mark.django_db
def test_a_listed_word_does_not_leave_however_it_is_written(said: str) -> None:
    for word in ("曙光计划", "Apollo 11"):
        listed(word, "leave_refuse")
    listed(r"NB-\d{3}", "leave_refuse", is_pattern=True)
    ask = Ask((user("hi"), Turn("tool", f"…{said}…")))
    with pytest.raises(MustNotLeave):
        wordlist.check_ask(OUTSIDE, ask, PURPOSE)
    assert not residency.may(OUTSIDE, ask, PURPOSE)
    wordlist.check_ask(INSIDE, ask, PURPOSE)
    assert residency.may(INSIDE, ask, PURPOSE)
    row = AuditRow.objects.get(action="model.word_refused")
    assert said not in str(row.data) + row.object_label
    assert row.object_id in {str(key) for key in ListedWord.objects.values_list("pk", flat=True)}


@pytest.mark.django_db
def test_latin_words_stand_alone() -> None:
    listed("AI", "leave_refuse")
    wordlist.check_ask(OUTSIDE, Ask((user("he said it"),)), PURPOSE)
    with pytest.raises(MustNotLeave):
        wordlist.check_ask(OUTSIDE, Ask((user("用ai写"),)), PURPOSE)


@pytest.mark.django_db
def test_arguments_of_earlier_calls_are_looked_at() -> None:
    listed("曙光计划", "leave_refuse")
    call = ToolCall("find", {"what": ["曙光计划"]})
    with pytest.raises(MustNotLeave):
        wordlist.check_ask(OUTSIDE, Ask((Turn("assistant", "", (call,)),)), PURPOSE)


@pytest.mark.django_db
def test_what_must_not_be_answered_is_refused_both_ways() -> None:
    listed("裁员名单", "answer")
    with pytest.raises(ListedQuestion):
        wordlist.check_ask(INSIDE, Ask((user("裁员名单有谁"),)), PURPOSE)
    # What was refused before does not block what is asked now.
    wordlist.check_ask(
        INSIDE, Ask((user("裁员名单有谁"), Turn("assistant", "不能回答"), user("天气"))), PURPOSE
    )
    for answer in (Answer("…裁员 名单…"), Answer(calls=(ToolCall("x", {"a": "裁员名单"}),))):
        with pytest.raises(ListedAnswer):
            wordlist.check_answer(answer, PURPOSE)
    wordlist.check_answer(Answer("天气很好"), PURPOSE)


@pytest.mark.django_db
@pytest.mark.parametrize("cut", range(1, 9))
def test_a_stream_is_stopped_before_any_of_the_word_is_shown(cut: int) -> None:
    listed("裁员名单", "answer")
    text = "今天的" + "天" * 60 + "裁员名单如下"
    censor, shown = wordlist.censor(PURPOSE), ""
    stopped = False
    try:
        for start in range(0, len(text), cut):
            shown += censor.feed(text[start : start + cut])
        shown += censor.end()
    except ListedAnswer:
        stopped = True
    assert stopped
    assert "裁" not in shown


WORDS = words((entry(1, "AI", is_pattern=False), entry(2, "秘密", is_pattern=False)))


class Met(Exception):
    """A listed word came by."""


def watched(pieces: list[str]) -> str | None:
    """What a stream shows at its end; None when it was stopped."""
    censor = Censor(WORDS, lambda key: Met())
    try:
        return "".join(map(censor.feed, pieces)) + censor.end()
    except Met:
        return None


@given(
    st.lists(st.sampled_from(["A", "I", "秘", "密", " ", "d", "。", "x" * 20]), max_size=30),
    st.data(),
)
def test_the_same_is_found_however_a_stream_is_cut(parts: list[str], data: st.DataObject) -> None:
    text = "".join(parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=8)))
    pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    whole = None if next(WORDS.spans(text), None) else text
    assert watched(pieces) == whole


def test_what_was_shown_is_not_the_beginning_of_a_word() -> None:
    text = "A" * 33 + "I秘 and so on, for quite a while"
    for cut in range(len(text)):
        assert watched([text[:cut], text[cut:]]) == text


def test_the_end_of_a_piece_is_not_the_end_of_a_word() -> None:
    assert watched(["用 AI", "d 吧"]) == "用 AId 吧"
    assert watched(["用 AI", " 吧"]) is None
    assert watched(["用 A", "I"]) is None


@pytest.mark.django_db
def test_without_a_list_nothing_is_held_back() -> None:
    censor = wordlist.censor(PURPOSE)
    assert not censor.watching
    assert censor.feed("abc") == "abc"


@pytest.mark.django_db
def test_what_cannot_be_kept_is_refused() -> None:
    for pattern in ("(", "a*", "x" * 501, r"(?=a)b"):
        with pytest.raises(BadPattern):
            privacy_actions.set_pattern(
                MaskPattern(), name="p", pattern=pattern, kind="XY", enabled=True, actor=SYSTEM
            )
    for kind in ("", "a b", "TEXT", "1A"):
        with pytest.raises(BadRule):
            privacy_actions.set_pattern(
                MaskPattern(), name="p", pattern="ab", kind=kind, enabled=True, actor=SYSTEM
            )
    listed("曙光", "answer")
    for word, rule in (("", "answer"), ("曙光", "answer"), ("曙光", "whatever")):
        with pytest.raises(BadRule):
            listed(word, rule)
