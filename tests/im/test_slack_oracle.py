"""Our signature and our blocks against Slack's own SDK, in both directions."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slack_sdk.models.blocks import Block as SdkBlock
from slack_sdk.signature import Clock, SignatureVerifier
from slack_sdk.socket_mode.request import SocketModeRequest

from apps.im import slack_blocks, slack_events
from apps.im.base import InboundRequest
from apps.im.cards import Button, Card, Choice, Divider, Fields, Form, Input, Table, Text
from apps.im.fitting import fit
from apps.im.slack_text import escape, mrkdwn, pieces
from apps.simulate import slack_blocks as stand_blocks
from apps.simulate.slack_people import sign

NOW = 1795330800


class Frozen(Clock):
    def now(self) -> float:
        return NOW


secrets = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(str.strip)
stamps = st.integers(NOW - 310, NOW + 310).map(str)


def ours(secret: str, stamp: str, signature: str, body: bytes) -> bool:
    headers = {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": signature}
    request = InboundRequest("POST", "/", {}, headers, body)
    try:
        slack_events.verify({"signing_secret": secret}, request, NOW)
    except slack_events.Refused:
        return False
    return True


@settings(max_examples=300, deadline=None)
@given(secret=secrets, stamp=stamps, body=st.text(st.characters(exclude_categories=["Cs"])))
def test_what_the_sdk_signs_we_accept_as_it_does(secret: str, stamp: str, body: str) -> None:
    verifier = SignatureVerifier(secret, Frozen())
    signature = verifier.generate_signature(timestamp=stamp, body=body)
    assert signature
    theirs = verifier.is_valid(body, stamp, signature)
    assert ours(secret, stamp, signature, body.encode()) == theirs
    assert theirs == (abs(NOW - int(stamp)) <= 300)


@settings(max_examples=300, deadline=None)
@given(
    secret=secrets,
    other=secrets,
    stamp=stamps,
    body=st.text(st.characters(exclude_categories=["Cs"])),
    at=st.integers(0, 200),
)
def test_what_we_sign_the_sdk_accepts(
    secret: str, other: str, stamp: str, body: str, at: int
) -> None:
    raw = body.encode()
    verifier = SignatureVerifier(secret, Frozen())
    fresh = abs(NOW - int(stamp)) <= 300
    for signature in (slack_events.signature(secret, stamp, raw), sign(secret, stamp, raw)):
        assert verifier.is_valid(body, stamp, signature) == fresh
        wrong = signature[: at % len(signature)] + "g" + signature[at % len(signature) + 1 :]
        assert not verifier.is_valid(body, stamp, wrong)
        assert not ours(secret, stamp, wrong, raw)
        if other != secret:
            assert not ours(other, stamp, signature, raw)


words = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=200)
markup = st.lists(
    st.sampled_from(
        ["**", "*", "_", "~~", "`", "```\n", "\n", "- ", "# ", "> ", "[a](", "https://a.b", ")"]
    )
    | words,
    max_size=20,
).map("".join)
labels = words.filter(str.strip)
blocks = st.one_of(
    st.builds(Text, words | st.text(max_size=9000), st.just(False)),
    st.builds(Text, markup, st.just(True)),
    st.builds(Fields, st.lists(st.tuples(words, words), max_size=25).map(tuple)),
    st.just(Divider()),
    st.builds(lambda a, b: Table((a, b), ((b, a), (a, a))), words, words),
)
buttons = st.builds(
    Button, labels, labels, st.sampled_from(["default", "primary", "danger"]), st.just("t.1")
)
choices = st.lists(st.builds(Choice, labels, words), max_size=5).map(tuple)
names = st.lists(labels, min_size=1, max_size=4, unique_by=lambda name: name[:255])
forms = st.builds(
    lambda names, kind, choices, submit: Form(
        tuple(Input(name, name, kind, choices=choices) for name in names), submit
    ),
    names,
    st.sampled_from(["text", "number", "date", "time"]),
    choices,
    buttons,
)
cards = st.builds(
    Card,
    words,
    st.sampled_from(["blue", "green", "orange", "red", "grey"]),
    st.lists(blocks, max_size=8).map(tuple),
    st.lists(buttons, max_size=30).map(tuple),
    st.none() | forms,
)


@settings(max_examples=100, deadline=None)
@given(card=cards, mention=st.sampled_from(["", "U0ALICE"]))
def test_every_card_is_drawn_in_blocks_that_the_sdk_and_the_stand_take(
    card: Card, mention: str
) -> None:
    shown = card if slack_blocks.size(card) <= slack_blocks.MAX_CHARS else None
    shown = fit(shown or card, slack_blocks.LIMITS).card
    drawn = slack_blocks.render(shown, mention)
    stand_blocks.check_blocks(drawn)
    assert not stand_blocks.too_long(drawn)
    for block in drawn:
        parsed = SdkBlock.parse(block)
        assert parsed is not None
        parsed.validate_json()


@settings(max_examples=500, deadline=None)
@given(text=markup)
def test_markdown_mentions_nobody_and_loses_no_word(text: str) -> None:
    drawn = mrkdwn(text)
    for piece in pieces(drawn, 200):
        assert len(piece) <= 200
        assert "<!" not in piece
        assert "<@" not in piece
        assert piece.count("```") % 2 == 0


@given(text=st.text("<>&; \na", max_size=300), limit=st.integers(20, 60))
def test_nothing_escaped_is_cut_in_two(text: str, limit: int) -> None:
    cut = pieces(escape(text), limit, fences=False)
    assert all(re.fullmatch("(?:[^&<>]|&(?:amp|lt|gt);)*", piece) for piece in cut)
    assert all(len(piece) <= limit for piece in cut)
    assert "".join("".join(cut).split()) == "".join(escape(text).split())


@pytest.mark.parametrize(
    ("markdown", "drawn"),
    [
        ("**bold** *it* _it_ ~~no~~ `a*b`", "*bold* _it_ _it_ ~no~ `a*b`"),
        ("请**注意**这里", "请\u200b*注意*\u200b这里"),
        ("# Title **x** #", "*Title x*"),
        ("- a\n  * b\n1. c", "• a\n  • b\n1. c"),
        ("> quoted **x**", "> quoted *x*"),
        ("---", "———"),
        ("[a|b](https://x.y/?p=1&q=<2>)", "<https://x.y/?p=1&amp;q=&lt;2&gt;|a/b>"),
        ("![pic](https://x.y/p.png)", "<https://x.y/p.png|pic>"),
        ("[x](javascript:alert)", "x (javascript:alert)"),
        ("see https://x.y/a_b_c. <https://x.y>", "see <https://x.y/a_b_c>. <https://x.y>"),
        ("看https://x.y/路径，好", "看<https://x.y/路径>，好"),
        ("2 * 3 * 4 snake_case_name", "2 * 3 * 4 snake_case_name"),
        (r"\*not\* 1 < 2 & <@U1>", "*\u200bnot\u200b* 1 &lt; 2 &amp; &lt;@U1&gt;"),
        ("```python\na = **b**\n<!here>\n```", "```\na = **b**\n&lt;!here&gt;\n```"),
        ("```\nopen", "```\nopen\n```"),
        ("| a | b |\n|---|---|\n| 1 | 2 |\nend", "```\n| a | b |\n|---|---|\n| 1 | 2 |\n```\nend"),
    ],
)
def test_markdown_in_the_dialect_of_slack(markdown: str, drawn: str) -> None:
    assert mrkdwn(markdown) == drawn


def test_markup_that_takes_long_elsewhere_takes_no_time_here() -> None:
    for unit in ("`", "*a", "_a ", "[", "](", "**a", "~~", "[a](", "<https://"):
        assert mrkdwn(unit * 20_000)
        assert mrkdwn((unit * 1000 + "\n") * 20)


def test_an_envelope_of_the_stand_is_one_of_the_sdk() -> None:
    envelope: dict[str, Any] = {"type": "events_api", "envelope_id": "1", "payload": {"a": 1}}
    request = SocketModeRequest.from_dict(envelope)
    assert request is not None
    assert request.envelope_id == "1"
