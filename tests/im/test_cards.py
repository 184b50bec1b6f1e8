"""A card keeps every word: as JSON, as text, and cut to size."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.im import cards, feishu_card
from apps.im.cards import (
    BadCard,
    Button,
    Card,
    Choice,
    Divider,
    Fields,
    Form,
    Input,
    Table,
    Text,
    block_text,
    color_of,
    to_text,
)
from apps.im.fitting import Fitted, Limits, fit, split
from apps.simulate.feishu_cards import check_card

WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=60)


@st.composite
def tables(draw: st.DrawFn) -> Table:
    width = draw(st.integers(1, 4))
    row = st.tuples(*[WORDS] * width)
    return Table(draw(row), tuple(draw(st.lists(row, max_size=4))))


BLOCKS = st.one_of(
    st.builds(Text, WORDS, st.booleans()),
    st.builds(Fields, st.lists(st.tuples(WORDS, WORDS), max_size=4).map(tuple)),
    tables(),
    st.just(Divider()),
)
BUTTONS = st.builds(
    Button,
    WORDS,
    WORDS.map("/{}".format),
    st.sampled_from(["default", "primary", "danger"]),
    st.sampled_from(["", "2a.0123456789ab.k.0123456789abcdef0123"]),
    st.booleans(),
)
CHOICES = st.lists(
    st.builds(Choice, WORDS.filter(bool), WORDS), max_size=4, unique_by=lambda one: one.value
)
INPUTS = st.builds(
    Input,
    st.sampled_from(["form", "submit", "what", "n", "day"]),
    WORDS,
    st.sampled_from(["text", "number", "date", "time"]),
    st.booleans(),
    WORDS,
    CHOICES.map(tuple),
)
FORMS = st.builds(
    Form,
    st.lists(INPUTS, min_size=1, max_size=5, unique_by=lambda one: one.name).map(tuple),
    BUTTONS,
)
CARDS = st.builds(
    Card,
    WORDS,
    st.sampled_from(["blue", "green", "orange", "red", "grey"]),
    st.lists(BLOCKS, max_size=8).map(tuple),
    st.lists(BUTTONS, max_size=6).map(tuple),
    st.none() | FORMS,
)
LONG = st.builds(
    lambda card, text, many: Card(
        card.title * many, card.color, (*card.blocks, Text(text * 400), *card.blocks), card.buttons
    ),
    CARDS,
    st.text(min_size=1, max_size=100).map(lambda t: t.encode("utf-8", "ignore").decode() or "x"),
    st.integers(1, 30),
)


def words_of(card: Card) -> list[str]:
    """Every word of a card, taken from its fields one by one."""
    found = [card.title]
    for block in card.blocks:
        match block:
            case Text():
                found.append(block.text)
            case Fields():
                found += [word for pair in block.pairs for word in pair]
            case Table():
                found += [*block.heads, *(cell for row in block.rows for cell in row)]
            case Divider():
                pass
    for button in card.buttons:
        found += [button.cmd, button.label]
    return [word for text in found for word in text.split()]


def holds_in_order(text: str, words: list[str]) -> bool:
    at = 0
    for word in words:
        at = text.find(word, at)
        if at < 0:
            return False
        at += len(word)
    return True


@given(CARDS)
def test_json_and_back(card: Card) -> None:
    assert Card.from_json(json.loads(json.dumps(card.to_json()))) == card


@given(CARDS, st.sampled_from(["zh-hans", "en"]))
def test_text_holds_every_word(card: Card, language: str) -> None:
    assert holds_in_order(to_text(card, language), words_of(card))


@given(CARDS)
def test_feishu_draws_every_card(card: Card) -> None:
    fitted = fit(card, feishu_card.LIMITS)
    assert fitted.rest == ()
    if to_text(card).strip() or card.form:
        check_card(json.loads(feishu_card.card_content(fitted.card)))


@given(CARDS, st.sampled_from(["", "\x01\x02", "<at ", '\\"\n', "😀汉"]), st.integers(0, 300))
def test_feishu_never_takes_a_card_for_smaller_than_it_is(
    card: Card, word: str, times: int
) -> None:
    grown = Card(card.title + word * times, "blue", (*card.blocks, Text(word * times, True)))
    drawn = json.dumps({"content": feishu_card.card_content(grown)}, ensure_ascii=False)
    assert len(drawn.encode()) < feishu_card.size(grown)


@settings(max_examples=40, deadline=None)
@given(LONG)
def test_feishu_cuts_what_is_too_long_and_sends_all_of_it(card: Card) -> None:
    fitted = fit(card, feishu_card.LIMITS)
    assert feishu_card.size(fitted.card) <= feishu_card.MAX_BODY
    check_card(json.loads(feishu_card.card_content(fitted.card)))
    if fitted.rest:
        assert "".join(fitted.rest) == to_text(card)
    else:
        assert holds_in_order(to_text(fitted.card), words_of(card))


def counting(max_bytes: int = 400, **more: int) -> Limits:
    return Limits(lambda card: len(to_text(card).encode()), max_bytes, 50, **more)


def test_a_card_that_fits_is_left_alone() -> None:
    card = cards.answer("short", title="t")
    assert fit(card, counting()) == Fitted(card)


def test_a_cut_card_keeps_its_beginning_and_its_buttons() -> None:
    text = " ".join(f"word{n}" for n in range(200))
    card = Card("title", "green", (Text("first"), Text(text)), (Button("Stop", "/cancel 7"),))
    fitted = fit(card, counting(), "en")
    assert fitted.card.buttons == card.buttons
    assert fitted.card.blocks[0] == Text("first")
    assert isinstance(fitted.card.blocks[1], Text)
    assert fitted.card.blocks[1].text.startswith("word0 word1")
    assert "follows below" in block_text(fitted.card.blocks[-1])
    assert "".join(fitted.rest) == to_text(card, "en")
    assert all(len(piece.encode()) <= 50 for piece in fitted.rest)


def test_buttons_that_are_too_many_are_still_there_as_commands() -> None:
    buttons = tuple(Button(f"b{n}", f"/cmd {n}") for n in range(40))
    fitted = fit(Card("t", "blue", (), buttons), counting(4000, max_buttons=3))
    assert len(fitted.card.buttons) == 3
    assert all(button.cmd in "".join(fitted.rest) for button in buttons)


def test_tables_beyond_the_limit_become_text() -> None:
    table = Table(("a", "b"), (("1", "2"),))
    fitted = fit(Card("t", "blue", (table,) * 3), counting(4000, max_tables=2))
    assert fitted.card.blocks == (table, table, Text("a | b\n1 | 2"))
    assert fitted.rest == ()


@given(st.text(max_size=300), st.integers(4, 60))
def test_split_loses_nothing(text: str, size: int) -> None:
    text = text.encode("utf-8", "ignore").decode()
    pieces = split(text, size)
    assert "".join(pieces) == text
    assert all(0 < len(piece.encode()) <= size for piece in pieces)


def test_split_prefers_the_end_of_a_line() -> None:
    assert split("aaaa bbbb\ncccc dddd", 12) == ["aaaa bbbb\n", "cccc dddd"]
    assert split("aaaa bbbb cccc", 12) == ["aaaa bbbb ", "cccc"]
    assert split("汉字汉字", 7) == ["汉字", "汉字"]


def test_nobody_is_mentioned_by_words_from_outside() -> None:
    bad = '<at id=all></at> <AT user_id="all">x</AT> <person id=ou_1>'
    for drawn in (
        feishu_card.card_content(cards.answer(bad, markdown=True)),
        feishu_card.text_message(bad)["content"],
    ):
        assert "<at" not in drawn.lower()
        assert "<person" not in drawn.lower()


def test_plain_text_is_never_drawn_as_markup() -> None:
    (element,) = feishu_card.render(cards.answer("**bold** [x](http://evil)"))["body"]["elements"]
    assert element["text"]["tag"] == "plain_text"


@pytest.mark.parametrize(
    "data",
    [
        [], None, {"title": 1}, {"color": "pink"}, {"blocks": [{}]}, {"blocks": [{"type": "x"}]},
        {"blocks": [{"type": "text"}]}, {"blocks": [{"type": "text", "text": 5}]},
        {"blocks": [{"type": "fields", "pairs": [["a"]]}]}, {"buttons": [{"label": "x"}]},
        {"blocks": [{"type": "table", "heads": ["a"], "rows": [["1", "2"]]}]},
        {"buttons": [{"label": "x", "cmd": "/x", "style": "loud"}]},
    ],
)  # fmt: skip
def test_what_is_no_card_is_refused(data: Any) -> None:
    with pytest.raises(BadCard):
        Card.from_json(data)


def test_an_empty_object_is_the_empty_card() -> None:
    assert Card.from_json({}) == Card()


def test_error_says_cause_mend_and_number() -> None:
    text = to_text(cards.error("disk full", mend="ask Alice", number="7K2M", language="en"), "en")
    assert all(word in text for word in ("disk full", "ask Alice", "7K2M", "administrator"))


def test_shown_is_never_empty_and_says_that_it_may_be_a_repeat() -> None:
    assert to_text(cards.shown(Card(), "", repeat=False, language="en"), "en").strip()
    assert to_text(cards.shown(Card(), "hello", repeat=False, language="en")) == "hello"
    again = to_text(cards.shown(cards.answer("hello"), "", repeat=True, language="en"))
    assert again.startswith("(this may be a repeat)")
    assert again.endswith("hello")


def test_colours_follow_the_outcome() -> None:
    assert [color_of(s) for s in ("succeeded", "dead", "denied", "cancelled", "running")] == [
        "green", "red", "orange", "grey", "blue",
    ]  # fmt: skip
