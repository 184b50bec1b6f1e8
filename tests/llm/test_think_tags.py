"""Thoughts between tags at the beginning of a text, split anywhere."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from apps.llm.wire.gate import Gate
from apps.llm.wire.think_tags import ThinkTags


def split(text: str, cuts: list[int], *, opened: bool = False) -> tuple[str, str]:
    tags = ThinkTags(opened=opened)
    said, thought, start = "", "", 0
    for cut in [*sorted(cuts), len(text)]:
        more, deeper = tags.feed(text[start:cut])
        said, thought, start = said + more, thought + deeper, cut
    more, deeper = tags.rest()
    return said + more, thought + deeper


@given(st.data(), st.text(max_size=20), st.text("<>/think \n好", max_size=30))
def test_thoughts_and_text_are_told_apart_at_any_split(
    data: st.DataObject, thought: str, text: str
) -> None:
    thought = thought.replace("</think>", "")
    if thought.endswith(tuple("</think>"[:n] for n in range(1, 8))):
        thought += "."
    whole = f"\n<think>{thought}</think>\n\n{text}"
    cuts = data.draw(st.lists(st.integers(0, len(whole)), max_size=6))
    assert split(whole, cuts) == (text.lstrip(), thought)


@given(st.data(), st.text("<>/think \n好ab", max_size=30))
def test_a_text_without_thoughts_stays_as_it_is(data: st.DataObject, text: str) -> None:
    whole = f"x{text}"
    cuts = data.draw(st.lists(st.integers(0, len(whole)), max_size=6))
    assert split(whole, cuts) == (whole, "")


def test_an_open_thought_is_all_there_is() -> None:
    assert split("<think>so far", [3, 9]) == ("", "so far")


def test_a_template_may_have_opened_it() -> None:
    assert split("so</think>yes", [4], opened=True) == ("yes", "so")


def test_half_a_tag_was_text_after_all() -> None:
    assert split("<thi", [2]) == ("<thi", "")


@given(st.data(), st.text("ab <tool_call>{好", max_size=40))
def test_the_gate_loses_nothing(data: st.DataObject, text: str) -> None:
    gate = Gate(on=True)
    cuts = data.draw(st.lists(st.integers(0, len(text)), max_size=6))
    shown, start = "", 0
    for cut in [*sorted(cuts), len(text)]:
        shown, start = shown + gate.let(text[start:cut]), cut
    assert "<tool_call>" not in shown
    assert not shown.lstrip().startswith(("{", "[", "```"))
    assert shown + gate.rest() == text
