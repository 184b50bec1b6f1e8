"""Reminders: set for a time to come, said when due, and clear about what was understood."""

from __future__ import annotations

from datetime import timedelta

import pytest

from apps.skills.base import CannotDo
from apps.skills.testing import NOW, SHANGHAI, ask, context

AT = "2026-11-22T10:20:00+08:00"


def test_the_answer_states_the_time_understood() -> None:
    ctx = context()
    said = ask("remind", ctx, at=AT, text="交周报")
    assert said.splitlines()[0] == "好的，2026-11-22 10:20（周日，20 分钟后）提醒你：交周报"
    assert "/cancel TASK0001" in said
    assert ctx.jobs.reminders == [("交周报", NOW + timedelta(minutes=20))]


def test_the_answer_in_english() -> None:
    said = ask("remind", context(language="en"), at=AT, text="send the report")
    first = "All right, I will remind you at 2026-11-22 10:20 (Sun, in 20 minutes): send the report"
    assert said.splitlines()[0] == first


@pytest.mark.parametrize(
    ("delta", "zh", "en"),
    [
        (timedelta(seconds=20), "不到 1 分钟后", "in less than a minute"),
        (timedelta(minutes=1), "1 分钟后", "in 1 minute"),
        (timedelta(hours=1), "1 小时后", "in 1 hour"),
        (timedelta(hours=3, minutes=5), "3 小时 5 分钟后", "in 3 hours 5 minutes"),
        (timedelta(hours=47), "47 小时后", "in 47 hours"),
        (timedelta(days=3), "3 天后", "in 3 days"),
    ],
)
def test_how_long_until_then(delta: timedelta, zh: str, en: str) -> None:
    at = (NOW + delta).isoformat()
    assert f"，{zh}）" in ask("remind", context(), at=at, text="x")
    assert f", {en})" in ask("remind", context(language="en"), at=at, text="x")


def test_without_a_time_it_is_said_now() -> None:
    ctx = context(job_number="JOB1")
    assert ask("remind", ctx, text="交周报") == "⏰ 提醒：交周报"
    english = context(language="en", origin="schedule")
    assert ask("remind", english, text="tea") == "⏰ Reminder: tea"
    assert ctx.jobs.reminders == []


def test_a_reminder_that_waits_is_listed_with_its_time() -> None:
    ctx = context()
    ask("remind", ctx, at="2026-11-25T15:00:00+08:00", text="开会")
    assert "2026-11-25 15:00 | 开会" in ask("tasks", ctx)
    assert "到时: 2026-11-25 15:00" in ask("task", ctx, number="TASK0001")


def test_a_time_of_a_moment_ago_means_now() -> None:
    ctx = context()
    at = (NOW - timedelta(seconds=30)).isoformat()
    assert ask("remind", ctx, at=at, text="tea") == "⏰ 提醒：tea"


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_a_past_time_is_refused(language: str) -> None:
    ctx = context(language=language)
    at = (NOW - timedelta(hours=1)).astimezone(SHANGHAI)
    with pytest.raises(CannotDo) as raised:
        ask("remind", ctx, at=at.isoformat(), text="tea")
    assert raised.value.text(language).startswith("2026-11-22 09:00")
    assert ctx.jobs.reminders == []


def test_a_year_ahead_is_the_most() -> None:
    ctx = context()
    ask("remind", ctx, at=(NOW + timedelta(days=365)).isoformat(), text="tea")
    with pytest.raises(CannotDo):
        ask("remind", ctx, at=(NOW + timedelta(days=367)).isoformat(), text="tea")
    assert len(ctx.jobs.reminders) == 1


def test_five_hundred_letters_are_the_most() -> None:
    ask("remind", context(), at=AT, text="字" * 500)
    with pytest.raises(AssertionError, match="最多 500 个字"):
        ask("remind", context(), at=AT, text="字" * 501)


def test_nothing_to_say_is_refused() -> None:
    with pytest.raises(CannotDo):
        ask("remind", context(), at=AT, text="  ")
