"""Event streams, split anywhere."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.llm.wire.sse import BadStream, Events

LINES = st.text(
    st.characters(blacklist_categories=["Cs"], blacklist_characters="\r\n\0"), max_size=20
)
ENDS = st.sampled_from(["\n", "\r\n", "\r"])


def read(data: bytes, cuts: list[int]) -> list[str]:
    events, found, start = Events(), [], 0
    for cut in [*sorted(cuts), len(data)]:
        found += events.feed(data[start:cut])
        start = cut
    return found + events.end()


@given(st.data(), st.lists(st.lists(LINES, min_size=1, max_size=3), max_size=5), ENDS)
def test_any_split_gives_the_same_events(
    data: st.DataObject, events: list[list[str]], end: str
) -> None:
    raw = "".join(
        f": a comment{end}event: x{end}" + "".join(f"data: {line}{end}" for line in lines) + end
        for lines in events
    ).encode()
    cuts = data.draw(st.lists(st.integers(0, len(raw)), max_size=8))
    assert read(raw, cuts) == ["\n".join(lines) for lines in events]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_single_byte_may_come_alone(end: str) -> None:
    raw = f"data: 你好{end}data:世界{end}{end}:{end}data: [DONE]{end}{end}".encode()
    assert read(raw, list(range(len(raw)))) == ["你好\n世界", "[DONE]"]


def test_an_event_that_nothing_ends_counts_at_the_end() -> None:
    assert read(b"data: one\n\ndata: [DONE]", []) == ["one", "[DONE]"]
    assert read(b"data: one\r", []) == ["one"]


def test_a_byte_order_mark_and_unknown_fields_are_passed_over() -> None:
    assert read(b"\xef\xbb\xbfid: 1\nretry: 5\ndata: x\nfoo\n\n", [1, 2]) == ["x"]


def test_only_one_space_is_taken_away() -> None:
    assert read(b"data:  two\n\n", []) == [" two"]


def test_bytes_that_are_no_utf8_are_an_error() -> None:
    with pytest.raises(BadStream):
        read(b"data: \xff\xfe\n\n", [])
