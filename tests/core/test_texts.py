"""Texts, errors, ids and the clock: the small vocabulary of everything above."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.core import clock, ids
from apps.core.errors import ClawdbotError
from apps.core.i18n import both


@pytest.mark.parametrize(
    ("language", "expected"),
    [("en", "Hello"), ("en-GB", "Hello"), ("EN_us", "Hello"), ("zh-hans", "你好"), ("fr", "你好")],
)
def test_a_text_speaks_two_languages(language: str, expected: str) -> None:
    assert both("你好", "Hello").in_(language) == expected


def test_format_fills_both_languages_and_leaves_gaps() -> None:
    text = both("{who}做{what}", "{who} does {what}").format(who=both("鲍勃", "Bob"))
    assert text.in_("en") == "Bob does {what}"
    assert text.in_("zh") == "鲍勃做{what}"


@given(st.text())
def test_values_are_never_templates(value: str) -> None:
    assert both("{x}", "{x}").format(x=value).in_("en") == value


class LeaseLostError(ClawdbotError):
    """Somebody else works on {job}
    by now.

    This paragraph is for engineers.
    """

    code = "lease_lost"
    zh = "{job} 已由别人处理。"
    http_status = 409
    permanent = True


def test_an_error_tells_people_and_logs_different_things() -> None:
    error = LeaseLostError("attempt 3 of row 7", job="A1")
    assert error.text("en") == "Somebody else works on A1 by now."
    assert error.text("zh-hans") == "A1 已由别人处理。"
    assert str(error) == error.detail == "attempt 3 of row 7"
    assert str(LeaseLostError(job="A1")) == "Somebody else works on A1 by now."
    assert (error.code, error.http_status, error.permanent) == ("lease_lost", 409, True)


def test_the_base_error_has_texts() -> None:
    assert ClawdbotError().text("en") == "Something went wrong here."
    assert ClawdbotError().text("zh")


def test_short_ids_survive_being_typed() -> None:
    drawn = ids.short_id()
    assert len(drawn) == 8
    assert set(drawn) <= set(ids.CROCKFORD)
    assert ids.tidy(f" {drawn[:4].lower()}-{drawn[4:]} ") == drawn
    assert ids.tidy("o1lI-ab") == "0111AB"


def test_ids_do_not_repeat() -> None:
    assert len({ids.short_id() for _ in range(10_000)}) == 10_000


@pytest.mark.parametrize("length", [6, 7, 8])
def test_codes_have_nothing_ambiguous(length: int) -> None:
    drawn = "".join(ids.code(length) for _ in range(500))
    assert len(drawn) == 500 * length
    assert set(drawn) == set("23456789ABCDEFGHJKMNPQRSTVWXYZ")


@pytest.mark.parametrize("length", [0, 5, 9])
def test_codes_of_other_lengths_are_refused(length: int) -> None:
    with pytest.raises(ValueError, match="6 to 8"):
        ids.code(length)


def test_now_is_aware() -> None:
    assert clock.utcnow().utcoffset() == datetime.timedelta(0)
