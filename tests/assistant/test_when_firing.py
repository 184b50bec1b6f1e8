"""When crontabs fire, above all where clocks are changed; and crontabs in words."""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.assistant.when import At, Every, describe, next_times, parse

SHANGHAI = ZoneInfo("Asia/Shanghai")
KOLKATA = ZoneInfo("Asia/Kolkata")
BERLIN = ZoneInfo("Europe/Berlin")
NEW_YORK = ZoneInfo("America/New_York")
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")  # half an hour
TROLL = ZoneInfo("Antarctica/Troll")  # two hours


def fires(cron: str, tz: ZoneInfo, after: str, count: int = 3) -> list[str]:
    """The next times as text, after a wall-clock time in `tz`."""
    start = datetime.fromisoformat(after).replace(tzinfo=tz)
    return [moment.strftime("%m-%d %H:%M %z") for moment in next_times(cron, tz, start, count)]


@pytest.mark.parametrize(
    ("cron", "tz", "after", "expected"),
    [
        ("0 9 * * 1-5", SHANGHAI, "2026-11-20 09:00", ["11-23 09:00 +0800", "11-24 09:00 +0800"]),
        ("0 9 * * 0", SHANGHAI, "2026-11-22 08:59", ["11-22 09:00 +0800", "11-29 09:00 +0800"]),
        ("30 17 L * *", SHANGHAI, "2027-01-31 17:30", ["02-28 17:30 +0800", "03-31 17:30 +0800"]),
        ("0 9 15,L * *", SHANGHAI, "2028-02-20 00:00", ["02-29 09:00 +0800", "03-15 09:00 +0800"]),
        ("0 9 29 2 *", SHANGHAI, "2026-01-01 00:00", ["02-29 09:00 +0800", "02-29 09:00 +0800"]),
        ("*/30 * * * *", KOLKATA, "2026-11-22 10:10", ["11-22 10:30 +0530", "11-22 11:00 +0530"]),
        ("0 9,18 * * *", KOLKATA, "2026-11-22 10:10", ["11-22 18:00 +0530", "11-23 09:00 +0530"]),
        # 2026-03-29: in Berlin 02:00 to 02:59 are skipped
        ("30 2 * * *", BERLIN, "2026-03-28 12:00", ["03-29 03:00 +0200", "03-30 02:30 +0200"]),
        ("*/20 2 * * *", BERLIN, "2026-03-29 01:59", ["03-29 03:00 +0200", "03-30 02:00 +0200"]),
        ("0 2,3 * * *", BERLIN, "2026-03-29 01:59", ["03-29 03:00 +0200", "03-30 02:00 +0200"]),
        ("30 2 * * *", BERLIN, "2026-03-29 03:00", ["03-30 02:30 +0200", "03-31 02:30 +0200"]),
        ("30 * * * *", BERLIN, "2026-03-29 01:00", ["03-29 01:30 +0100", "03-29 03:30 +0200"]),
        ("0 */2 * * *", BERLIN, "2026-03-29 00:30", ["03-29 03:00 +0200", "03-29 04:00 +0200"]),
        # 2026-10-25: in Berlin 02:00 to 02:59 come twice
        ("30 2 * * *", BERLIN, "2026-10-25 01:00", ["10-25 02:30 +0200", "10-26 02:30 +0100"]),
        ("0 */2 * * *", BERLIN, "2026-10-25 01:00", ["10-25 02:00 +0200", "10-25 04:00 +0100"]),
        ("0 * * * *", BERLIN, "2026-10-25 01:30", ["10-25 02:00 +0200", "10-25 02:00 +0100"]),
        # 2026-03-08 and 2026-11-01: the same in New York
        ("30 2 * * *", NEW_YORK, "2026-03-07 12:00", ["03-08 03:00 -0400", "03-09 02:30 -0400"]),
        ("30 1 * * *", NEW_YORK, "2026-11-01 00:00", ["11-01 01:30 -0400", "11-02 01:30 -0500"]),
        ("15 2 * * *", LORD_HOWE, "2026-10-03 12:00", ["10-04 02:30 +1100", "10-05 02:15 +1100"]),
    ],
)
def test_next_times(cron: str, tz: ZoneInfo, after: str, expected: list[str]) -> None:
    assert fires(cron, tz, after, 2) == expected


def test_after_the_first_of_two_equal_wall_times() -> None:
    first = datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN)
    second = first.replace(fold=1)
    assert next_times("30 2 * * *", BERLIN, first, 1) == [
        datetime(2026, 10, 26, 2, 30, tzinfo=BERLIN)
    ]
    assert next_times("30 2 * * *", BERLIN, second, 1)[0].day == 26
    assert [t.fold for t in next_times("*/30 * * * *", BERLIN, first, 2)] == [1, 1]
    assert [t.hour for t in next_times("*/30 * * * *", BERLIN, second, 2)] == [3, 3]


def test_the_clock_of_after_does_not_matter() -> None:
    after = datetime(2026, 11, 22, 1, 0, tzinfo=UTC)
    times = next_times("0 9 * * *", SHANGHAI, after, 1)
    assert times == [datetime(2026, 11, 23, 9, 0, tzinfo=SHANGHAI)]
    assert times[0].tzinfo is SHANGHAI
    assert next_times("0 9 * * *", SHANGHAI, after, 0) == []


@pytest.mark.parametrize(
    ("cron", "reason"),
    [
        ("", "five fields"),
        ("* * * *", "five fields"),
        ("0 0 9 * * *", "five fields"),
        ("0  9 * * *", "five fields"),
        ("@daily", "five fields"),
        ("60 9 * * *", "60"),
        ("0 24 * * *", "24"),
        ("0 9 0 * *", "0 9 0"),
        ("0 9 32 * *", "32"),
        ("0 9 * 13 *", "13"),
        ("0 9 * * 8", "day of week"),
        ("0 9 * * mon#1", "day of week"),
        ("0 9 * * L5", "day of week"),
        ("R R * * *", "minute"),
        ("H 9 * * *", "minute"),
        ("*/0 * * * *", "minute"),
        ("0 9 30 2 *", "no such day"),
        ("0 9 31 4,6 *", "no such day"),
        ("0 9 * * *; rm", "five fields"),
        ("０ 9 * * *", "minute"),
    ],
)
def test_bad_crontabs_are_refused_with_a_reason(cron: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        next_times(cron, SHANGHAI, datetime(2026, 11, 22, tzinfo=SHANGHAI), 1)


def test_refuses_a_naive_moment_and_a_negative_count() -> None:
    with pytest.raises(ValueError, match="aware"):
        next_times("0 9 * * *", SHANGHAI, datetime(2026, 11, 22), 1)
    with pytest.raises(ValueError, match="negative"):
        next_times("0 9 * * *", SHANGHAI, datetime(2026, 11, 22, tzinfo=SHANGHAI), -1)


def _values(field: str, low: int, high: int) -> set[int]:
    values: set[int] = set()
    for item in field.split(","):
        body, _, step = item.partition("/")
        first, _, last = body.partition("-")
        span = range(low, high + 1) if body == "*" else range(int(first), int(last or first) + 1)
        values |= set(span[:: int(step or 1)])
    return values


def _matches(cron: str, wall: datetime) -> bool:
    minute, hour, day, month, weekday = cron.split()
    length = calendar.monthrange(wall.year, wall.month)[1]
    on_day = wall.day == length if day == "L" else wall.day in _values(day, 1, 31)
    return (
        wall.minute in _values(minute, 0, 59)
        and wall.hour in _values(hour, 0, 23)
        and on_day
        and wall.month in _values(month, 1, 12)
        and wall.isoweekday() % 7 in _values(weekday, 0, 6)
    )


def _minute_by_minute(cron: str, tz: ZoneInfo, start: datetime, days: int) -> Iterator[datetime]:
    """The slow way: look at the clock every minute, and at what it skipped or shows again."""
    every_hour = cron.split()[1] == "*"
    minutes = (start + timedelta(minutes=n) for n in range(days * 24 * 60 + 1))
    for before, moment in pairwise(minute.astimezone(tz) for minute in minutes):
        wall = moment.replace(tzinfo=None, fold=0)
        jump = wall - before.replace(tzinfo=None, fold=0)
        skipped = (wall - timedelta(minutes=n) for n in range(1, jump // timedelta(minutes=1)))
        made_up = not every_hour and any(_matches(cron, minute) for minute in skipped)
        if made_up or (_matches(cron, wall) and (every_hour or not moment.fold)):
            yield moment


CHANGES = [
    (BERLIN, datetime(2026, 3, 28, 20, tzinfo=UTC)),
    (BERLIN, datetime(2026, 10, 24, 20, tzinfo=UTC)),
    (NEW_YORK, datetime(2026, 3, 8, 1, tzinfo=UTC)),
    (NEW_YORK, datetime(2026, 11, 1, 1, tzinfo=UTC)),
    (LORD_HOWE, datetime(2026, 4, 4, 10, tzinfo=UTC)),
    (LORD_HOWE, datetime(2026, 10, 3, 10, tzinfo=UTC)),
    (TROLL, datetime(2026, 3, 28, 20, tzinfo=UTC)),
    (TROLL, datetime(2026, 10, 24, 20, tzinfo=UTC)),
    (KOLKATA, datetime(2026, 3, 28, 20, tzinfo=UTC)),
    (SHANGHAI, datetime(2026, 10, 24, 20, tzinfo=UTC)),
]
CRONS = st.builds(
    "{} {} {} * {}".format,
    st.sampled_from(["0", "30", "59", "0,30", "*/15", "*/20", "*", "7"]),
    st.sampled_from(["*", "*", "0", "1", "2", "3", "1,2", "2,3", "*/2", "*/3", "0-4", "0-4/2"]),
    st.sampled_from(["*", "*", "*", "L"]),
    st.sampled_from(["*", "*", "0", "0-4"]),
)


@settings(max_examples=60, deadline=None)
@given(cron=CRONS, change=st.sampled_from(CHANGES), minutes=st.integers(0, 600))
def test_as_a_clock_looked_at_every_minute(
    cron: str, change: tuple[ZoneInfo, datetime], minutes: int
) -> None:
    tz, start = change
    after = start + timedelta(minutes=minutes)
    expected = list(_minute_by_minute(cron, tz, after, days=1))[:40]
    times = next_times(cron, tz, after, len(expected) + 1)
    assert [t.isoformat() for t in times[: len(expected)]] == [t.isoformat() for t in expected]


@pytest.mark.parametrize("language", ["zh-hans", "en"])
@settings(max_examples=100, deadline=None)
@given(cron=CRONS)
def test_any_crontab_has_a_description(language: str, cron: str) -> None:
    words = describe(Every(cron), language)
    now = datetime(2026, 11, 22, 10, tzinfo=SHANGHAI)
    assert words == cron or parse(words, now) in (Every(cron), None)


@pytest.mark.parametrize(
    ("when", "chinese", "english"),
    [
        (At(datetime(2026, 11, 23, 15, 0, tzinfo=SHANGHAI)), "2026-11-23 15:00（周一）",
         "2026-11-23 15:00 (Monday)"),
        (Every("0 9 * * *"), "每天 09:00", "every day at 09:00"),
        (Every("0 9 * * 1"), "每周一 09:00", "every Monday at 09:00"),
        (Every("0 9 * * 1-5"), "每个工作日 09:00", "every weekday at 09:00"),
        (Every("0 11 * * 0,6"), "每周六、日 11:00", "every Saturday and Sunday at 11:00"),
        (Every("0 8 * * 1,3,5"), "每周一、三、五 08:00",
         "every Monday, Wednesday and Friday at 08:00"),
        (Every("0 9,18 * * *"), "每天 09:00、18:00", "every day at 09:00 and 18:00"),
        (Every("0 9 1,15 * *"), "每月1日、15日 09:00",
         "on the 1st and 15th of every month at 09:00"),
        (Every("0 17 L * *"), "每月最后一天 17:00", "on the last day of every month at 17:00"),
        (Every("0 0 1 1 *"), "每年1月1日 00:00", "every year on January 1 at 00:00"),
        (Every("*/5 * * * *"), "每5分钟", "every 5 minutes"),
        (Every("0 * * * *"), "每小时", "every hour"),
        (Every("0 */2 * * *"), "每2小时", "every 2 hours"),
        (Every("15 * * * *"), "每小时第15分钟", "every hour at :15"),
        (Every("*/15 * * * 1-5"), "每个工作日 每15分钟", "every 15 minutes, every weekday"),
        (Every("0 9-18 * * *"), "09:00至18:00 每小时", "every hour from 09:00 to 18:00"),
        (Every("0 9 13 * 5"), "0 9 13 * 5", "0 9 13 * 5"),
    ],
)  # fmt: skip
def test_descriptions(when: At | Every, chinese: str, english: str) -> None:
    assert describe(when, "zh-hans") == chinese
    assert describe(when, "en") == english


@pytest.mark.parametrize(
    ("text", "now", "expected"),
    [
        # a skipped time becomes the first moment after the gap, of a doubled one the first counts
        ("明天2:30凌晨", "2026-03-28T12:00", "2026-03-29T03:00:00+02:00"),
        ("tomorrow at 02:30", "2026-10-24T12:00", "2026-10-25T02:30:00+02:00"),
        # an hour is an hour, a day is a day
        ("in 2 hours", "2026-03-29T01:30", "2026-03-29T04:30:00+02:00"),
        ("in a day", "2026-03-28T12:00", "2026-03-29T12:00:00+02:00"),
        ("in 1 hour", "2026-10-25T02:30", "2026-10-25T02:30:00+01:00"),
    ],
)
def test_moments_where_clocks_are_changed(text: str, now: str, expected: str) -> None:
    when = parse(text, datetime.fromisoformat(now).replace(tzinfo=BERLIN))
    assert isinstance(when, At)
    assert when.time.isoformat() == expected


def test_the_second_of_two_equal_times_is_still_ahead_after_the_first() -> None:
    now = datetime(2026, 10, 25, 2, 40, tzinfo=BERLIN)
    when = parse("today at 02:30", now)
    assert isinstance(when, At)
    assert when.time.isoformat() == "2026-10-25T02:30:00+01:00"
