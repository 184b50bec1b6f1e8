"""Time phrases: the golden cases, and what holds for every text whatever it says."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from apps.assistant.when import At, Every, describe, find, next_times, parse

SHANGHAI = ZoneInfo("Asia/Shanghai")
BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 22, 10, 0, tzinfo=SHANGHAI)
GOLDEN = Path(__file__).parent.parent / "golden" / "when.jsonl"
CASES = [json.loads(line) for line in GOLDEN.read_text(encoding="utf-8").splitlines()[1:]]

# Words that phrases are made of: put together at random they reach far into the rules.
WORDS = """
明天 后天 大后天 今晚 每天 每晚 每周 每月 每年 每隔 每小时 工作日 周末 周一 周三 周五 一三五
到 和 、 1号 15日 2月30日 12月 2027年 下周 下个月 月底 最后一天 上午 下午 晚上 凌晨 中午
三点 九点 9点 十二点 24点 半 一刻 30分
:30 15:30 25:00 8:75 20 两 个 分钟 小时 天 周 月 后 前 差 第一个 零 百 十 的 ２ ：０５
tomorrow today tonight every each daily weekly monthly other day week month weekday Monday Tue
Friday
and to , - ( ) at on the of in a an half past quarter 1st 15th 31st Feb December 30 5 9 three thirty
am pm noon midnight hour minutes hours days morning evening next last this ago from now 4:00pm
2026-12-31 12/25
"""
PHRASES = st.lists(st.sampled_from(WORDS.split()), min_size=1, max_size=9).flatmap(
    lambda words: st.sampled_from(["".join(words), " ".join(words)])
)
TEXTS = st.one_of(st.text(max_size=80), PHRASES)
NOWS = st.datetimes(min_value=datetime(2001, 1, 1), max_value=datetime(2090, 1, 1)).map(
    lambda now: now.replace(tzinfo=BERLIN)
)
FUTURE = st.datetimes(
    min_value=datetime(2026, 11, 22, 10, 1), max_value=datetime(2099, 12, 31)
).map(lambda at: at.replace(second=0, microsecond=0, tzinfo=SHANGHAI))


def said(when: At | Every | None) -> str | None:
    """The meaning in the notation of the golden cases."""
    if isinstance(when, At):
        return when.time.strftime("%Y-%m-%dT%H:%M")
    return None if when is None else when.cron


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["text"])
def test_golden(case: dict[str, str | None]) -> None:
    text = case["text"]
    assert text is not None
    assert said(parse(text, NOW)) == case["expect"]


@pytest.mark.parametrize(
    "case", [case for case in CASES if case["expect"]], ids=lambda case: case["text"]
)
def test_golden_phrase_is_found_before_a_command(case: dict[str, str]) -> None:
    found = find(f"{case['text']} /ping", NOW)
    assert found is not None
    assert (said(found.when), found.rest) == (case["expect"], "/ping")


@pytest.mark.parametrize(
    "case", [case for case in CASES if case["expect"]], ids=lambda case: case["text"]
)
@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_description_of_golden_means_the_same(case: dict[str, str], language: str) -> None:
    when = parse(case["text"], NOW)
    assert when is not None
    assert parse(describe(when, language), NOW) == when


@settings(max_examples=400, deadline=None)
@given(text=TEXTS, now=NOWS)
@example(text="明天2点半", now=datetime(2026, 3, 28, 12, tzinfo=BERLIN))
@example(text="9999-12-31 23:59", now=NOW)
def test_answers_hold_for_any_text(text: str, now: datetime) -> None:
    when = parse(text, now)
    if isinstance(when, At):
        assert when.time.tzinfo is now.tzinfo
        assert when.time.astimezone(UTC) > now.astimezone(UTC)
    elif when is not None:
        assert len(next_times(when.cron, BERLIN, now, 2)) == 2
        assert parse(describe(when, "zh"), now) == when
        assert parse(describe(when, "en"), now) == when


@settings(max_examples=300, deadline=None)
@given(before=TEXTS, phrase=PHRASES, after=TEXTS)
def test_find_gives_back_the_original_text(before: str, phrase: str, after: str) -> None:
    text = f"{before} {phrase} {after}"
    found = find(text, NOW)
    if found is None:
        return
    assert 0 <= found.start < found.end <= len(text)
    kept = "".join((text[: found.start] + text[found.end :]).split())
    assert "".join(found.rest.split()) in kept
    assert parse(text[found.start : found.end], NOW) == found.when


@settings(deadline=None)
@given(FUTURE)
def test_written_moments_are_read_back(at: datetime) -> None:
    assert parse(f"{at:%Y-%m-%d %H:%M}", NOW) == At(at)
    assert parse(f"{at.year}年{at.month}月{at.day}日{at.hour:02}:{at.minute:02}", NOW) == At(at)
    assert parse(f"{at:%B} {at.day}, {at.year} at {at:%I:%M %p}", NOW) == At(at)
    assert parse(describe(At(at), "zh-hans"), NOW) == At(at)
    assert parse(describe(At(at), "en"), NOW) == At(at)


@pytest.mark.parametrize(
    "text", ["2026-12-31T15:59Z", "2026-12-31T16:59:00+01:00", "2026-12-31 23:59+08:00"]
)
def test_moments_as_programs_write_them(text: str) -> None:
    when = parse(text, NOW)
    assert isinstance(when, At)
    assert when.time.isoformat() == "2026-12-31T23:59:00+08:00"
    assert parse(text.replace("2026", "2020"), NOW) is None
    assert parse(text.replace("12-31", "02-31"), NOW) is None


CHINESE = "零一二三四五六七八九十"


def chinese(number: int) -> str:
    tens, ones = divmod(number, 10)
    if not tens:
        return CHINESE[ones]
    return (CHINESE[tens] if tens > 1 else "") + "十" + (CHINESE[ones] if ones else "")


@pytest.mark.parametrize("number", range(1, 100))
def test_numbers_to_ninety_nine(number: int) -> None:
    expected = At(NOW + timedelta(minutes=number))
    assert parse(f"{number}分钟后", NOW) == expected
    assert parse(f"{chinese(number)}分钟后", NOW) == expected
    assert parse(f"in {number} minutes", NOW) == expected


@pytest.mark.parametrize("minute", range(0, 24 * 60, 7))
def test_every_minute_of_the_day_in_both_notations(minute: int) -> None:
    hour, past = divmod(minute, 60)
    expected = At(datetime(2026, 11, 23, hour, past, tzinfo=SHANGHAI))
    assert parse(f"明天{hour:02}:{past:02}", NOW) == expected
    assert parse(f"tomorrow at {expected.time:%I:%M %p}", NOW) == expected


def best_of_three(run: Callable[[], object]) -> float:
    spent = []
    for _ in range(3):
        start = time.process_time()
        run()
        spent.append(time.process_time() - start)
    return min(spent)


# fmt: off
LONG = [
    "一", "1", "1号", "周一", "周一、", "每", "半", "零", "天", "大", "9点", "一月", "3天", "的",
    "(", "下", "a ", "and ", "every ", "mon ", "monday, ", "1st and ", "in 1 hour ", "an hour and ",
    "half ", "twenty-", "at 9 and ", "1:", "2026-", "1/", "提醒我", "\u200b", " ", "㏂", "ﷺ",
]
# fmt: on


@pytest.mark.parametrize("unit", LONG)
def test_long_and_tangled_texts_cost_little(unit: str) -> None:
    for length in (120, 1000, 10_000):
        text = (unit * length)[:length]
        assert best_of_three(lambda text=text: parse(text, NOW)) < 0.05  # type: ignore[misc]
        assert best_of_three(lambda text=text: find(text, NOW)) < 0.05  # type: ignore[misc]


def test_a_usual_phrase_takes_less_than_a_millisecond() -> None:
    phrases = [case["text"] for case in CASES]

    def run() -> None:
        for phrase in phrases:
            parse(phrase, NOW)

    assert best_of_three(run) / len(phrases) < 0.001


def test_a_month_later_is_clipped_to_the_shorter_month() -> None:
    january = datetime(2027, 1, 31, 10, tzinfo=SHANGHAI)
    assert parse("一个月后", january) == At(datetime(2027, 2, 28, 10, tzinfo=SHANGHAI))
    assert parse("in 2 months", january) == At(datetime(2027, 3, 31, 10, tzinfo=SHANGHAI))


def test_the_moment_itself_is_not_ahead() -> None:
    nine = datetime(2026, 11, 22, 9, tzinfo=SHANGHAI)
    assert parse("九点", nine) == At(nine + timedelta(days=1))
    assert parse("周日上午9点", nine) == At(nine + timedelta(days=7))
    assert parse("今天上午9点", nine) is None


def test_next_week_on_other_days() -> None:
    wednesday = datetime(2026, 11, 25, 10, tzinfo=SHANGHAI)
    assert parse("下周三上午9点", wednesday) == At(datetime(2026, 12, 2, 9, tzinfo=SHANGHAI))
    assert parse("next Monday at 9am", wednesday) == At(datetime(2026, 11, 30, 9, tzinfo=SHANGHAI))
    assert parse("本周五上午9点", wednesday) == At(datetime(2026, 11, 27, 9, tzinfo=SHANGHAI))
    assert parse("周三上午9点", wednesday) == At(datetime(2026, 12, 2, 9, tzinfo=SHANGHAI))
    assert parse("这周一上午9点", wednesday) is None


def test_needs_an_aware_now() -> None:
    with pytest.raises(ValueError, match="time zone"):
        parse("明天下午三点", datetime(2026, 11, 22, 10))
    with pytest.raises(ValueError, match="time zone"):
        find("明天下午三点开会", datetime(2026, 11, 22, 10))
