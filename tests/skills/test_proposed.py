"""Parameters as a language model proposes them: read as typed, and the same when read again."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.skills import proposed
from apps.skills.base import get
from apps.skills.parameters import Bound, Invalid, Missing
from apps.skills.testing import NOW, SHANGHAI
from apps.skills.times import Clock
from tests.skills.conftest import find

CLOCK = Clock(NOW, SHANGHAI, find)


def bound(name: str, given: dict[str, Any]) -> Bound | Missing | Invalid:
    skill = get(name)
    assert skill is not None
    return proposed.bind(skill.parameters, given, CLOCK)


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("in 20 minutes", "2026-11-22T10:20:00+08:00"),
        ("20分钟后", "2026-11-22T10:20:00+08:00"),
        ("2026-11-27T15:00", "2026-11-27T15:00:00+08:00"),
        ("2026-11-27T15:00:00Z", "2026-11-27T15:00:00Z"),
    ],
)
def test_a_moment_in_words_or_without_its_zone(said: str, kept: str) -> None:
    found = bound("remind", {"at": said, "text": "tea"})
    assert found == Bound({"at": kept, "text": "tea"})
    assert bound("remind", found.values) == found


def test_a_repetition_in_words() -> None:
    found = bound("schedule", {"action": "新增", "every": "每天9点", "what": "/status"})
    assert found == Bound(
        {
            "action": "add",
            "every": {"cron": "0 9 * * *", "words": "每天9点"},
            "what": "/status",
        }
    )
    assert bound("schedule", found.values) == found


def test_what_only_belongs_to_the_asking_is_left_out() -> None:
    found = bound("remind", {"at": "in 20 minutes", "text": "me to to call Bob"})
    assert isinstance(found, Bound)
    assert found.values["text"] == "call Bob"


@pytest.mark.parametrize("nothing", [None, "", "  "])
def test_nothing_is_not_a_value(nothing: object) -> None:
    found = bound("remind", {"at": nothing, "text": "tea"})
    assert isinstance(found, Missing)
    assert found.parameter.name == "at"


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"text": "tea", "colour": "red"}, "colour"),
        ({"text": 5}, "text"),
        ({"text": "tea", "at": "some day"}, "at"),
        ({"text": "tea", "at": {"$gt": ""}}, "at"),
        ({"text": "a\0b"}, "text"),
        ({"text": ["tea"]}, "text"),
    ],
)
def test_what_does_not_fit_is_told_by_its_name(given: dict[str, Any], why: str) -> None:
    found = bound("remind", given)
    assert isinstance(found, Invalid)
    assert why in found.why.en


@given(st.dictionaries(st.sampled_from(["at", "text", "x"]), st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists, max_leaves=3,
)))  # fmt: skip
def test_nothing_breaks_it_and_what_was_read_reads_the_same(given: dict[str, Any]) -> None:
    found = bound("remind", given)
    if isinstance(found, Bound):
        assert bound("remind", found.values) == found
