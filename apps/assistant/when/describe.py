"""Says a moment or a repetition in words, so that people see what was understood."""

from __future__ import annotations

import calendar
import re
from typing import Protocol

from apps.assistant.when.model import At, Every
from apps.assistant.when.pieces import Span

_WORKDAYS = [(1, 5)]


class _Voice(Protocol):
    """One language. Spans hold numbers; `days` is empty for every day."""

    @property
    def weekdays(self) -> tuple[str, ...]: ...
    def moment(self, time: str, weekday: str) -> str: ...
    def every(self, number: int, *, hours: bool) -> str: ...
    def past(self, minute: int) -> str: ...
    def within(self, first: str, last: str, rhythm: str) -> str: ...
    def at(self, days: str, times: list[str]) -> str: ...
    def during(self, days: str, rhythm: str) -> str: ...
    def daily(self) -> str: ...
    def weekly(self, days: list[Span]) -> str: ...
    def monthly(self, days: list[Span]) -> str: ...
    def yearly(self, months: list[int], days: list[Span]) -> str: ...


def describe(when: At | Every, language: str) -> str:
    """`when` in Chinese if `language` begins with zh, else in English; `parse` understands both.

    Moments are given to the minute. A crontab of a kind that no phrase makes is shown as it is.
    """
    voice: _Voice = _Chinese() if language.startswith("zh") else _English()
    if isinstance(when, At):
        weekday = voice.weekdays[when.time.isoweekday() % 7]
        return voice.moment(when.time.strftime("%Y-%m-%d %H:%M"), weekday)
    minute, hour, *date = when.cron.split(" ")
    days = _days(voice, *date)
    if days is None:
        return when.cron
    if re.fullmatch("[0-9,]+ [0-9,]+", f"{minute} {hour}"):
        times = [f"{int(h):02}:{int(m):02}" for h in hour.split(",") for m in minute.split(",")]
        return voice.at(days or voice.daily(), times)
    rhythm = _rhythm(voice, minute, hour)
    return when.cron if rhythm is None else voice.during(days, rhythm)


def _days(voice: _Voice, day: str, month: str, weekday: str) -> str | None:
    if (day, month) == ("*", "*"):
        if weekday == "*":
            return ""
        weekdays = _spans(weekday)
        return None if weekdays is None else voice.weekly(weekdays)
    spans = [] if day == "L" else _spans(day)
    if weekday != "*" or spans is None:
        return None
    if month == "*":
        return voice.monthly(spans)
    if not re.fullmatch("[0-9,]+", month):
        return None
    return voice.yearly([int(number) for number in month.split(",")], spans)


def _rhythm(voice: _Voice, minute: str, hour: str) -> str | None:
    if hour == "*" and minute.isdecimal():
        return voice.past(int(minute)) if int(minute) else voice.every(1, hours=True)
    if hour == "*" and (step := _step(minute)):
        return voice.every(step, hours=False)
    if minute == "0" and (step := _step(hour)):
        return voice.every(step, hours=True)
    window = re.fullmatch("([0-9]+)-([0-9]+)(?:/([0-9]+))?", hour)
    if window is None or not minute.isdecimal():
        return None
    first, last = (f"{int(window[n]):02}:{int(minute):02}" for n in (1, 2))
    return voice.within(first, last, voice.every(int(window[3] or 1), hours=True))


def _step(field: str) -> int | None:
    match = re.fullmatch(r"\*(?:/([0-9]+))?", field)
    return int(match[1] or 1) if match else None


def _spans(field: str) -> list[Span] | None:
    if not re.fullmatch("[0-9]+(?:-[0-9]+)?(?:,[0-9]+(?:-[0-9]+)?)*", field):
        return None
    ends = [item.split("-") for item in field.split(",")]
    return [(int(end[0]), int(end[-1])) for end in ends]


def _monday_first(days: list[Span]) -> list[Span]:
    return sorted(days, key=lambda span: span[0] or (7 if span[1] == 0 else 0))


class _Chinese:
    weekdays = ("日", "一", "二", "三", "四", "五", "六")

    def moment(self, time: str, weekday: str) -> str:
        return f"{time}（周{weekday}）"

    def every(self, number: int, *, hours: bool) -> str:
        return f"每{number if number > 1 else ''}{'小时' if hours else '分钟'}"

    def past(self, minute: int) -> str:
        return f"每小时第{minute}分钟"

    def within(self, first: str, last: str, rhythm: str) -> str:
        return f"{first}至{last} {rhythm}"

    def at(self, days: str, times: list[str]) -> str:
        return f"{days} {'、'.join(times)}"

    def during(self, days: str, rhythm: str) -> str:
        return f"{days} {rhythm}".strip()

    def daily(self) -> str:
        return "每天"

    def weekly(self, days: list[Span]) -> str:
        if days == _WORKDAYS:
            return "每个工作日"
        names = [
            self.weekdays[a] if a == b else f"{self.weekdays[a]}至{self.weekdays[b]}"
            for a, b in _monday_first(days)
        ]
        return f"每周{'、'.join(names)}"

    def monthly(self, days: list[Span]) -> str:
        return f"每月{self._dates(days)}"

    def yearly(self, months: list[int], days: list[Span]) -> str:
        return f"每年{'、'.join(f'{month}月' for month in months)}{self._dates(days)}"

    def _dates(self, days: list[Span]) -> str:
        names = [f"{a}日" if a == b else f"{a}日至{b}日" for a, b in days]
        return "、".join(names) or "最后一天"


class _English:
    weekdays = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")

    def moment(self, time: str, weekday: str) -> str:
        return f"{time} ({weekday})"

    def every(self, number: int, *, hours: bool) -> str:
        unit = "hour" if hours else "minute"
        return f"every {unit}" if number == 1 else f"every {number} {unit}s"

    def past(self, minute: int) -> str:
        return f"every hour at :{minute:02}"

    def within(self, first: str, last: str, rhythm: str) -> str:
        return f"{rhythm} from {first} to {last}"

    def at(self, days: str, times: list[str]) -> str:
        return f"{days} at {_and(times)}"

    def during(self, days: str, rhythm: str) -> str:
        return f"{rhythm}, {days}" if days else rhythm

    def daily(self) -> str:
        return "every day"

    def weekly(self, days: list[Span]) -> str:
        if days == _WORKDAYS:
            return "every weekday"
        names = [
            self.weekdays[a] if a == b else f"{self.weekdays[a]} to {self.weekdays[b]}"
            for a, b in _monday_first(days)
        ]
        return f"every {_and(names)}"

    def monthly(self, days: list[Span]) -> str:
        return f"on the {self._dates(days)} of every month"

    def yearly(self, months: list[int], days: list[Span]) -> str:
        if len(months) == 1 and len(days) == 1 and days[0][0] == days[0][1]:
            return f"every year on {calendar.month_name[months[0]]} {days[0][0]}"
        names = [calendar.month_name[month] for month in months]
        return f"every year on the {self._dates(days)} of {_and(names)}"

    def _dates(self, days: list[Span]) -> str:
        names = [_ordinal(a) if a == b else f"{_ordinal(a)} to the {_ordinal(b)}" for a, b in days]
        return _and(names) or "last day"


def _and(words: list[str]) -> str:
    return " and ".join(filter(None, (", ".join(words[:-1]), "".join(words[-1:]))))


def _ordinal(number: int) -> str:
    ending = "th" if number // 10 == 1 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"
